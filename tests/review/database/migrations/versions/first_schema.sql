BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE cell (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	smear_id INTEGER NOT NULL, 
	field_id INTEGER, 
	uid TEXT NOT NULL, 
	by_place INTEGER NOT NULL, 
	by_class INTEGER NOT NULL, 
	path TEXT, 
	x FLOAT, 
	y FLOAT, 
	x0 FLOAT, 
	y0 FLOAT, 
	x1 FLOAT, 
	y1 FLOAT, 
	in_field BOOLEAN NOT NULL, 
	microns_per_pixel FLOAT, 
	nuclear_area FLOAT, 
	predicted VARCHAR(100), 
	confidence FLOAT, 
	margin FLOAT, 
	probabilities BLOB, 
	role VARCHAR(20), 
	given_label VARCHAR(100), 
	added_in INTEGER, 
	FOREIGN KEY(added_in) REFERENCES reading (id), 
	FOREIGN KEY(field_id) REFERENCES field (id), 
	FOREIGN KEY(smear_id) REFERENCES smear (id), 
	UNIQUE (smear_id, by_place)
);
INSERT INTO "cell" VALUES(1,1,NULL,'c0',1,1,'c0.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'BLA',0.800000011920929,0.699999988079071,X'CDCC4C3FCDCCCC3DCDCCCC3D',NULL,NULL,NULL);
INSERT INTO "cell" VALUES(2,1,NULL,'c1',5,3,'c1.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'NGS',7.97979772090911865234e-01,6.96969687938690185546e-01,X'62DECE3D67484C3F62DECE3D',NULL,NULL,NULL);
INSERT INTO "cell" VALUES(3,1,NULL,'c2',3,5,'c2.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'EBO',0.795918345451355,6.93877518177032470703e-01,X'C7FAD03DC7FAD03D4EC14B3F',NULL,NULL,NULL);
INSERT INTO "cell" VALUES(4,1,NULL,'c3',2,0,'c3.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'BLA',7.93814420700073242187e-01,6.90721631050109863281e-01,X'6C374B3F4F22D33D4F22D33D',NULL,NULL,NULL);
INSERT INTO "cell" VALUES(5,1,NULL,'c4',0,2,'c4.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'NGS',7.91666686534881591796e-01,0.6875,X'5555D53DABAA4A3F5555D53D',NULL,NULL,NULL);
INSERT INTO "cell" VALUES(6,1,NULL,'c5',4,4,'c5.png',NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'EBO',7.89473712444305419921e-01,6.84210538864135742187e-01,X'3694D73D3694D73DF31A4A3F',NULL,NULL,NULL);
CREATE TABLE chain (
	id INTEGER NOT NULL, 
	length INTEGER NOT NULL, 
	head VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "chain" VALUES(1,5,'48cbc99b86bf700fcaa24bb7ef8e9e58142f839b8fbc00c2f64ab9f2142e92bf');
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	chain_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	smear_id INTEGER, 
	reading_id INTEGER, 
	person_id INTEGER, 
	time VARCHAR(32) NOT NULL, 
	kind VARCHAR(30) NOT NULL, 
	client_id VARCHAR(64), 
	content TEXT NOT NULL, 
	previous VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	FOREIGN KEY(chain_id) REFERENCES chain (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(reading_id) REFERENCES reading (id), 
	FOREIGN KEY(smear_id) REFERENCES smear (id), 
	UNIQUE (chain_id, number), 
	UNIQUE (reading_id, client_id)
);
INSERT INTO "event" VALUES(1,1,1,1,NULL,NULL,'2026-11-28T06:09:36.275+00:00','new',NULL,'{"content":"digest 1","kind":"table","name":"smear"}','0000000000000000000000000000000000000000000000000000000000000000','8ce18483cfaace3b2fe37ba7d6efb5dcbadb751a23b9f121b3b64c0af5a9b3a2');
INSERT INTO "event" VALUES(2,1,2,1,NULL,NULL,'2026-11-28T06:09:36.282+00:00','cells',NULL,'{"answers":"e766e2e80989f1d0dc5be99b5bc7cd513ed99b7355194c23699973fd2611b8ae","cells":6,"model":"a-model","weights":"abababababababababababababababababababababababababababababababab"}','8ce18483cfaace3b2fe37ba7d6efb5dcbadb751a23b9f121b3b64c0af5a9b3a2','27ad16861cbce8f8a7cad97a6f33f98061de0ad61f3080674ab771a64a12a693');
INSERT INTO "event" VALUES(3,1,3,1,1,1,'2026-11-28T06:09:36.286+00:00','begin',NULL,'{"blinded":false,"role":"first","scope":"all"}','27ad16861cbce8f8a7cad97a6f33f98061de0ad61f3080674ab771a64a12a693','d1aff857ceb5733c827ce18301bbc29fbdf78bcf3bdd1d2802f91720fc8ccc04');
INSERT INTO "event" VALUES(4,1,4,1,1,1,'2026-11-28T06:09:36.290+00:00','label','event-000002','{"changes":[[1,null,"EBO"],[2,null,"EBO"]],"request":"ac6936d2ae1e5234"}','d1aff857ceb5733c827ce18301bbc29fbdf78bcf3bdd1d2802f91720fc8ccc04','3678d5089bd746c17a4da9ccd911d224e731dd88258d68e95ae97bae0aee5487');
INSERT INTO "event" VALUES(5,1,5,1,1,1,'2026-11-28T06:09:36.290+00:00','comment','event-000003','{"comments":[[1,null,"vacuoles"]],"request":"b5a367781927d93d"}','3678d5089bd746c17a4da9ccd911d224e731dd88258d68e95ae97bae0aee5487','48cbc99b86bf700fcaa24bb7ef8e9e58142f839b8fbc00c2f64ab9f2142e92bf');
CREATE TABLE field (
	id INTEGER NOT NULL, 
	smear_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	path TEXT, 
	x INTEGER NOT NULL, 
	y INTEGER NOT NULL, 
	width INTEGER, 
	height INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(smear_id) REFERENCES smear (id)
);
CREATE TABLE label (
	reading_id INTEGER NOT NULL, 
	cell_id INTEGER NOT NULL, 
	state VARCHAR(100), 
	comment TEXT, 
	number INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	PRIMARY KEY (reading_id, cell_id), 
	FOREIGN KEY(cell_id) REFERENCES cell (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(reading_id) REFERENCES reading (id)
);
INSERT INTO "label" VALUES(1,1,'EBO','vacuoles',5,1);
INSERT INTO "label" VALUES(1,2,'EBO',NULL,4,1);
CREATE TABLE login_session (
	digest VARCHAR(64) NOT NULL, 
	person_id INTEGER NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created VARCHAR(32) NOT NULL, 
	seen VARCHAR(32) NOT NULL, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE person (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	display VARCHAR(200) NOT NULL, 
	password_hash VARCHAR(300), 
	roles VARCHAR(200) NOT NULL, 
	active BOOLEAN NOT NULL, 
	created VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "person" VALUES(1,'anna','Anna',NULL,'reader',1,'2026-11-28T06:09:36.262+00:00');
CREATE TABLE reading (
	id INTEGER NOT NULL, 
	smear_id INTEGER NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	version INTEGER NOT NULL, 
	reader_id INTEGER NOT NULL, 
	blinded BOOLEAN NOT NULL, 
	scope VARCHAR(20) NOT NULL, 
	started VARCHAR(32) NOT NULL, 
	submitted VARCHAR(32), 
	PRIMARY KEY (id), 
	FOREIGN KEY(reader_id) REFERENCES person (id), 
	FOREIGN KEY(smear_id) REFERENCES smear (id), 
	UNIQUE (smear_id, role, version)
);
INSERT INTO "reading" VALUES(1,1,'first',1,1,0,'all','2026-11-28T06:09:36.285+00:00',NULL);
CREATE TABLE reading_cell (
	reading_id INTEGER NOT NULL, 
	cell_id INTEGER NOT NULL, 
	PRIMARY KEY (reading_id, cell_id), 
	FOREIGN KEY(cell_id) REFERENCES cell (id), 
	FOREIGN KEY(reading_id) REFERENCES reading (id)
);
CREATE TABLE signature (
	id INTEGER NOT NULL, 
	smear_id INTEGER NOT NULL, 
	reading_id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	time VARCHAR(32) NOT NULL, 
	version INTEGER NOT NULL, 
	meaning TEXT NOT NULL, 
	reason TEXT, 
	count TEXT NOT NULL, 
	labels_hash VARCHAR(64) NOT NULL, 
	software VARCHAR(50) NOT NULL, 
	model_name VARCHAR(200), 
	model_hash VARCHAR(64), 
	number INTEGER NOT NULL, 
	chain_head VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES person (id), 
	FOREIGN KEY(reading_id) REFERENCES reading (id), 
	FOREIGN KEY(smear_id) REFERENCES smear (id), 
	UNIQUE (smear_id, version)
);
CREATE TABLE smear (
	id INTEGER NOT NULL, 
	chain_id INTEGER NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	sources TEXT NOT NULL, 
	root TEXT NOT NULL, 
	content VARCHAR(64), 
	state VARCHAR(20) NOT NULL, 
	failure TEXT, 
	microns_per_pixel FLOAT, 
	codes TEXT NOT NULL, 
	model_name VARCHAR(200), 
	model_hash VARCHAR(64), 
	report_folder TEXT, 
	remarks TEXT NOT NULL, 
	assigned_to INTEGER, 
	created VARCHAR(32) NOT NULL, 
	changed VARCHAR(32) NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(assigned_to) REFERENCES person (id), 
	FOREIGN KEY(chain_id) REFERENCES chain (id)
);
INSERT INTO "smear" VALUES(1,1,'smear','table','["/smear.parquet"]','/tmp/w/rev','digest 1','in review',NULL,NULL,'["BLA", "NGS", "EBO"]','a-model','abababababababababababababababababababababababababababababababab',NULL,'[]',NULL,'2026-11-28T06:09:36.273+00:00','2026-11-28T06:09:36.291+00:00');
CREATE INDEX smear_content ON smear (content);
CREATE INDEX smear_state ON smear (state);
CREATE INDEX field_smear ON field (smear_id);
CREATE INDEX cell_smear_uid ON cell (smear_id, uid);
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'rows of event are written once'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'rows of event are written once'); END;
CREATE TRIGGER cell_no_update BEFORE UPDATE ON cell BEGIN SELECT RAISE(ABORT, 'rows of cell are written once'); END;
CREATE TRIGGER cell_no_delete BEFORE DELETE ON cell BEGIN SELECT RAISE(ABORT, 'rows of cell are written once'); END;
CREATE TRIGGER signature_no_update BEFORE UPDATE ON signature BEGIN SELECT RAISE(ABORT, 'rows of signature are written once'); END;
CREATE TRIGGER signature_no_delete BEFORE DELETE ON signature BEGIN SELECT RAISE(ABORT, 'rows of signature are written once'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('event',5);
INSERT INTO "sqlite_sequence" VALUES('cell',6);
COMMIT;
