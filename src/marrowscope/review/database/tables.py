"""The tables of a review; one schema for SQLite and PostgreSQL.

What a person did is an ``event``, which is never changed; ``label`` holds what follows from the
events and is written in the same transaction. ``cell`` and ``signature`` are written once, too.
Changes of the schema are scripts in ``migrations``; a test compares them with this file.
Times are ISO 8601 text in UTC, so that the hash of an event is the same in every database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()
# SQLite numbers rows by itself only where the type is INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")

person = Table(
    "person",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("display", String(200), nullable=False),
    Column("password_hash", String(300)),  # none: cannot sign in by name
    Column("roles", String(200), nullable=False),  # words with blanks between
    Column("active", Boolean, nullable=False),
    Column("created", String(32), nullable=False),
)

# Signed-in browsers; the cookie itself is not kept, only its digest.
login_session = Table(
    "login_session",
    METADATA,
    Column("digest", String(64), primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created", String(32), nullable=False),
    Column("seen", String(32), nullable=False),
)

# One chain of events for each smear, and one for what concerns no smear.
chain = Table(
    "chain",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("length", Integer, nullable=False),
    Column("head", String(64), nullable=False),
)

smear = Table(
    "smear",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("chain_id", ForeignKey("chain.id"), nullable=False),
    Column("name", String(300), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("sources", Text, nullable=False),  # JSON list of paths; never sent to a browser
    Column("root", Text, nullable=False),  # folder to which paths of pictures are relative
    Column("content", String(64)),  # digest by which a source is known that was opened before
    Column("state", String(20), nullable=False),
    Column("failure", Text),
    Column("microns_per_pixel", Float),
    Column("codes", Text, nullable=False),  # JSON list: columns of the probabilities
    Column("model_name", String(200)),
    Column("model_hash", String(64)),
    Column("report_folder", Text),  # of the count it comes from
    Column("remarks", Text, nullable=False),  # JSON list
    Column("assigned_to", ForeignKey("person.id")),
    Column("created", String(32), nullable=False),
    Column("changed", String(32), nullable=False),
    Index("smear_state", "state"),
    Index("smear_content", "content"),
)

field = Table(
    "field",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("smear_id", ForeignKey("smear.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("path", Text),  # of a field image; a field of a slide has none
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Index("field_smear", "smear_id"),
)

cell = Table(
    "cell",
    METADATA,
    Column("id", _Key, primary_key=True),
    Column("smear_id", ForeignKey("smear.id"), nullable=False),
    Column("field_id", ForeignKey("field.id")),
    Column("uid", Text, nullable=False),  # cell_id of the cell table
    Column("by_place", Integer, nullable=False),  # 0-based, says nothing of the class
    Column("by_class", Integer, nullable=False),  # 0-based, by the model's answer
    Column("path", Text),  # of the picture; none of a cell that was only counted
    Column("x", Float),
    Column("y", Float),
    Column("x0", Float),
    Column("y0", Float),
    Column("x1", Float),
    Column("y1", Float),
    Column("in_field", Boolean, nullable=False),
    Column("microns_per_pixel", Float),
    Column("nuclear_area", Float),
    Column("predicted", String(100)),
    Column("confidence", Float),
    Column("margin", Float),  # of the two best answers
    Column("probabilities", LargeBinary),  # float32, in the order of smear.codes
    Column("role", String(20)),  # of the count; "left out" is not shown
    Column("given_label", String(100)),  # of the table it came from
    Column("added_in", ForeignKey("reading.id")),  # of a cell that a reader added
    UniqueConstraint("smear_id", "by_place"),
    Index("cell_smear_uid", "smear_id", "uid"),
    sqlite_autoincrement=True,
)

reading = Table(
    "reading",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("smear_id", ForeignKey("smear.id"), nullable=False),
    Column("role", String(20), nullable=False),
    Column("version", Integer, nullable=False),  # amendments of one smear are numbered
    Column("reader_id", ForeignKey("person.id"), nullable=False),
    Column("blinded", Boolean, nullable=False),
    Column("scope", String(20), nullable=False),
    Column("started", String(32), nullable=False),
    Column("submitted", String(32)),
    UniqueConstraint("smear_id", "role", "version"),
)

# Cells of a reading that is not of all cells.
reading_cell = Table(
    "reading_cell",
    METADATA,
    Column("reading_id", ForeignKey("reading.id"), primary_key=True),
    Column("cell_id", ForeignKey("cell.id"), primary_key=True),
)

event = Table(
    "event",
    METADATA,
    Column("id", _Key, primary_key=True),
    Column("chain_id", ForeignKey("chain.id"), nullable=False),
    Column("number", Integer, nullable=False),  # 1-based in its chain
    Column("smear_id", ForeignKey("smear.id")),
    Column("reading_id", ForeignKey("reading.id")),
    Column("person_id", ForeignKey("person.id")),
    Column("time", String(32), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("client_id", String(64)),
    Column("content", Text, nullable=False),  # canonical JSON, as it was hashed
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("chain_id", "number"),
    UniqueConstraint("reading_id", "client_id"),
    sqlite_autoincrement=True,
)

label = Table(
    "label",
    METADATA,
    Column("reading_id", ForeignKey("reading.id"), primary_key=True),
    Column("cell_id", ForeignKey("cell.id"), primary_key=True),
    Column("state", String(100)),  # class code, "?" cannot tell, "-" no cell, null undecided
    Column("comment", Text),
    Column("number", Integer, nullable=False),  # of the event that made it so
    Column("person_id", ForeignKey("person.id"), nullable=False),
)

signature = Table(
    "signature",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("smear_id", ForeignKey("smear.id"), nullable=False),
    Column("reading_id", ForeignKey("reading.id"), nullable=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("time", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("reason", Text),  # of an amendment
    Column("count", Text, nullable=False),  # JSON, frozen
    Column("labels_hash", String(64), nullable=False),  # of the final label of every cell
    Column("software", String(50), nullable=False),
    Column("model_name", String(200)),
    Column("model_hash", String(64)),
    Column("number", Integer, nullable=False),  # of the event of signing
    Column("chain_head", String(64), nullable=False),
    UniqueConstraint("smear_id", "version"),
)

# Rows of these are never changed or removed; the database itself sees to it.
WRITTEN_ONCE = ("event", "cell", "signature")
