"""The page on which people check counted cells is served, and its database is checked."""

from dataclasses import asdict, dataclass
from typing import Any

from marrowscope.api.arguments import AnyPath
from marrowscope.extras import require_extra


@dataclass(frozen=True)
class ReviewAudit:
    """What an examination of a database of reviews found.

    Attributes:
        chains: of events: one for each smear, and one for what concerns none.
        events: in all chains.
        signatures: of counts.
        head: hash of all that was done. Who notes it elsewhere can tell later whether whole chains
            were replaced.
        problems: one line each; none where all is as it was written.
    """

    chains: int
    events: int
    signatures: int
    head: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was changed or removed."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """As data for JSON."""
        return {"whole": self.whole, **asdict(self)}


def audit_reviews(database: AnyPath) -> ReviewAudit:
    """Check that a database holds what was done: chains of events, labels and signatures.

    Args:
        database: SQLite file, or ``postgresql://USER@HOST/NAME``. It may be in use.

    Raises:
        InputError: the extra is missing, or it is no database of reviews.
    """
    require_extra("review", "checking a database of reviews")
    from marrowscope.review.database.chain_audit import audit
    from marrowscope.review.database.schema_upgrade import open_existing

    opened = open_existing(database)
    try:
        found = audit(opened)
    finally:
        opened.close()
    return ReviewAudit(found.chains, found.events, found.signatures, found.head, found.problems)
