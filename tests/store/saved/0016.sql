BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0016');
CREATE TABLE boxes (
	photo_id INTEGER NOT NULL, 
	detector VARCHAR(16) NOT NULL, 
	boxes BLOB NOT NULL, 
	CONSTRAINT pk_boxes PRIMARY KEY (photo_id), 
	CONSTRAINT fk_boxes_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
INSERT INTO "boxes" VALUES(1,'0123456789abcdef',X'00FF00008080');
CREATE TABLE bulk_corrections (
	id INTEGER NOT NULL, 
	said TEXT NOT NULL, 
	photos INTEGER NOT NULL, 
	made_at BIGINT NOT NULL, 
	undone_at BIGINT, 
	CONSTRAINT pk_bulk_corrections PRIMARY KEY (id)
);
INSERT INTO "bulk_corrections" VALUES(1,'{"remove": ["tiger"], "confirm": [], "add": ["our boat"]}',1,1700000500,NULL);
CREATE TABLE corrected_labels (
	correction_id INTEGER NOT NULL, 
	photo_id INTEGER NOT NULL, 
	label_id INTEGER NOT NULL, 
	left_removed BOOLEAN NOT NULL, 
	confidence DOUBLE, 
	rank INTEGER, 
	origin INTEGER, 
	shown BOOLEAN, 
	removed BOOLEAN, 
	model_id INTEGER, 
	CONSTRAINT pk_corrected_labels PRIMARY KEY (correction_id, photo_id, label_id), 
	CONSTRAINT fk_corrected_labels_correction_id_bulk_corrections FOREIGN KEY(correction_id) REFERENCES bulk_corrections (id) ON DELETE CASCADE, 
	CONSTRAINT fk_corrected_labels_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE, 
	CONSTRAINT fk_corrected_labels_label_id_labels FOREIGN KEY(label_id) REFERENCES labels (id), 
	CONSTRAINT fk_corrected_labels_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
)
 WITHOUT ROWID

;
INSERT INTO "corrected_labels" VALUES(1,1,1,1,0.9,1,0,1,0,1);
INSERT INTO "corrected_labels" VALUES(1,2,77,0,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE deliveries (
	hook VARCHAR(8) NOT NULL, 
	batch VARCHAR(40) NOT NULL, 
	photo_id INTEGER NOT NULL, 
	CONSTRAINT pk_deliveries PRIMARY KEY (hook, batch, photo_id), 
	CONSTRAINT fk_deliveries_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
) WITHOUT ROWID;
INSERT INTO "deliveries" VALUES('labelled','',1);
CREATE TABLE duplicate_changes (
	id INTEGER NOT NULL, 
	"before" TEXT NOT NULL, 
	CONSTRAINT pk_duplicate_changes PRIMARY KEY (id)
);
INSERT INTO "duplicate_changes" VALUES(1,'{"1":null}');
CREATE TABLE duplicate_decisions (
	photo_id INTEGER NOT NULL, 
	keep BOOLEAN NOT NULL, 
	content VARCHAR(64) NOT NULL, 
	"instead" INTEGER NOT NULL, 
	CONSTRAINT pk_duplicate_decisions PRIMARY KEY (photo_id), 
	CONSTRAINT fk_duplicate_decisions_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
INSERT INTO "duplicate_decisions" VALUES(1,1,'00ff',0);
CREATE TABLE features (
	photo_id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	vector BLOB NOT NULL, 
	CONSTRAINT pk_features PRIMARY KEY (photo_id, model_id), 
	CONSTRAINT fk_features_model_id_models FOREIGN KEY(model_id) REFERENCES models (id), 
	CONSTRAINT fk_features_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
INSERT INTO "features" VALUES(1,1,X'003C003C003C003C003C003C003C003C');
CREATE TABLE jobs (
	id INTEGER NOT NULL, 
	photo_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	priority INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	crashes INTEGER NOT NULL, 
	not_before BIGINT NOT NULL, 
	lease_owner VARCHAR(64), 
	lease_until BIGINT, 
	error TEXT, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
);
INSERT INTO "jobs" VALUES(2,2,'classify','failed',10,1,0,0,NULL,NULL,'it is broken');
INSERT INTO "jobs" VALUES(3,3,'classify','queued',10,0,0,0,NULL,NULL,NULL);
CREATE TABLE labels (
	id INTEGER NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT pk_labels PRIMARY KEY (id), 
	CONSTRAINT uq_labels_key UNIQUE ("key")
);
INSERT INTO "labels" VALUES(1,'n02129604','tiger');
INSERT INTO "labels" VALUES(2,'n02127808','big cat');
INSERT INTO "labels" VALUES(77,'own:our boat','our boat');
CREATE TABLE ledger (
	id INTEGER NOT NULL, 
	photo_id INTEGER NOT NULL, 
	target VARCHAR(8) NOT NULL, 
	field VARCHAR(24) NOT NULL, 
	keyword TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	write_id INTEGER, 
	ended_by INTEGER, 
	CONSTRAINT pk_ledger PRIMARY KEY (id), 
	CONSTRAINT fk_ledger_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ledger_write_id_writes FOREIGN KEY(write_id) REFERENCES writes (id) ON DELETE CASCADE, 
	CONSTRAINT fk_ledger_ended_by_writes FOREIGN KEY(ended_by) REFERENCES writes (id) ON DELETE SET NULL
);
INSERT INTO "ledger" VALUES(1,1,'photo','dc:subject','tiger','label',1,NULL);
CREATE TABLE library (
	id INTEGER NOT NULL, 
	uuid VARCHAR(36) NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_library PRIMARY KEY (id)
);
INSERT INTO "library" VALUES(1,'29e0ffcc-2e93-44d5-a944-354d51386a99',1795244035);
CREATE TABLE models (
	id INTEGER NOT NULL, 
	model_id VARCHAR(16) NOT NULL, 
	architecture VARCHAR(64) NOT NULL, 
	weights_sha256 VARCHAR(64) NOT NULL, 
	preprocessing INTEGER NOT NULL, 
	first_used_at BIGINT NOT NULL, 
	CONSTRAINT pk_models PRIMARY KEY (id), 
	CONSTRAINT uq_models_model_id UNIQUE (model_id)
);
INSERT INTO "models" VALUES(1,'0123456789abcdef','mobilenet_v2','9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f',1,1700000000);
CREATE TABLE mounts (
	root_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	CONSTRAINT pk_mounts PRIMARY KEY (root_id, path), 
	CONSTRAINT fk_mounts_root_id_roots FOREIGN KEY(root_id) REFERENCES roots (id) ON DELETE CASCADE
);
CREATE TABLE photo_labels (
	photo_id INTEGER NOT NULL, 
	label_id INTEGER NOT NULL, 
	confidence DOUBLE NOT NULL, 
	rank INTEGER NOT NULL, 
	origin INTEGER NOT NULL, 
	shown BOOLEAN NOT NULL, 
	removed BOOLEAN NOT NULL, 
	model_id INTEGER, 
	CONSTRAINT pk_photo_labels PRIMARY KEY (photo_id, label_id), 
	CONSTRAINT fk_photo_labels_label_id_labels FOREIGN KEY(label_id) REFERENCES labels (id), 
	CONSTRAINT fk_photo_labels_model_id_models FOREIGN KEY(model_id) REFERENCES models (id), 
	CONSTRAINT fk_photo_labels_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "photo_labels" VALUES(1,1,0.9,1,0,1,0,1);
INSERT INTO "photo_labels" VALUES(1,2,0.95,2,0,1,0,1);
CREATE TABLE photo_terms (
	photo_id INTEGER NOT NULL, 
	term_id INTEGER NOT NULL, 
	CONSTRAINT pk_photo_terms PRIMARY KEY (photo_id, term_id), 
	CONSTRAINT fk_photo_terms_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE, 
	CONSTRAINT fk_photo_terms_term_id_terms FOREIGN KEY(term_id) REFERENCES terms (id)
)
 WITHOUT ROWID

;
INSERT INTO "photo_terms" VALUES(1,1);
INSERT INTO "photo_terms" VALUES(1,2);
CREATE TABLE photos (
	id INTEGER NOT NULL, 
	root_id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	inode BIGINT, 
	ctime_ns BIGINT, 
	content_hash BLOB, 
	pixel_hash BLOB, 
	format VARCHAR(8), 
	width INTEGER, 
	height INTEGER, 
	taken VARCHAR(19), 
	added_at BIGINT NOT NULL, 
	labelled_at BIGINT, 
	labelled_by INTEGER, 
	missing_since BIGINT, keywords_as VARCHAR(16), path_folded TEXT DEFAULT '' NOT NULL, unseen_since BIGINT, kinds TEXT, rating INTEGER, latitude FLOAT, longitude FLOAT, sidecar BIGINT, fields_as INTEGER, 
	CONSTRAINT pk_photos PRIMARY KEY (id), 
	CONSTRAINT fk_photos_labelled_by_models FOREIGN KEY(labelled_by) REFERENCES models (id), 
	CONSTRAINT fk_photos_root_id_roots FOREIGN KEY(root_id) REFERENCES roots (id) ON DELETE CASCADE
);
INSERT INTO "photos" VALUES(1,1,'2019/tiger.jpg',1001,1600000000000000001,1,1,X'895119C4F9F40C405F8D12EA19229DC9',X'5A01BCC64A01DBA320188E936394750A','JPEG',640,480,'2019-06-01T12:30:00',1700000000,1700000000,1,NULL,'0123456789abcdef','2019/tiger.jpg',NULL,'screenshot',4,48.8584,2.2945,42,1);
INSERT INTO "photos" VALUES(2,1,'2019/broken.jpg',1002,1600000000000000002,2,2,NULL,NULL,NULL,NULL,NULL,NULL,1700000000,NULL,NULL,NULL,NULL,'2019/broken.jpg',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "photos" VALUES(3,1,'2019/new.jpg',1003,1600000000000000003,3,3,NULL,NULL,NULL,NULL,NULL,NULL,1700000000,NULL,NULL,NULL,NULL,'2019/new.jpg',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE roots (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	added_at BIGINT NOT NULL, 
	scanned_at BIGINT, 
	CONSTRAINT pk_roots PRIMARY KEY (id), 
	CONSTRAINT uq_roots_path UNIQUE (path)
);
INSERT INTO "roots" VALUES(1,'/photos',1700000000,NULL);
CREATE TABLE run_nodes (
	run_id INTEGER NOT NULL, 
	node VARCHAR(64) NOT NULL, 
	started_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	labelled INTEGER NOT NULL, 
	CONSTRAINT pk_run_nodes PRIMARY KEY (run_id, node), 
	CONSTRAINT fk_run_nodes_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	command VARCHAR(16) NOT NULL, 
	model_id INTEGER, 
	started_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	seconds DOUBLE, 
	labelled INTEGER NOT NULL, 
	classified INTEGER NOT NULL, 
	failed INTEGER NOT NULL, 
	outcome VARCHAR(16), written INTEGER DEFAULT '0' NOT NULL, engine VARCHAR(64), 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT fk_runs_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "runs" VALUES(1,'write',NULL,1700000100,1700000101,1.0,0,0,0,'done',1,NULL);
INSERT INTO "runs" VALUES(2,'backfill',1,1700000200,1700000203,3.0,1,1,0,'done',0,'tensorflow 2.21.0 bfloat16 CPU');
CREATE TABLE searches (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	"query" TEXT NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	sort VARCHAR(16) NOT NULL, 
	less_sure BOOLEAN NOT NULL, 
	strict BOOLEAN NOT NULL, 
	saved_at BIGINT NOT NULL, 
	CONSTRAINT pk_searches PRIMARY KEY (id)
);
INSERT INTO "searches" VALUES(1,'Tiger in Österreich','tiger in österreich','Tiger path:österreich','de','date',0,0,1700000300);
CREATE TABLE taught (
	id INTEGER NOT NULL, 
	label_id INTEGER NOT NULL, 
	precision FLOAT NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT pk_taught PRIMARY KEY (id), 
	CONSTRAINT fk_taught_label_id_labels FOREIGN KEY(label_id) REFERENCES labels (id), 
	CONSTRAINT uq_taught_label_id UNIQUE (label_id)
);
INSERT INTO "taught" VALUES(1,77,0.9,1,1700000200);
CREATE TABLE taught_examples (
	id INTEGER NOT NULL, 
	taught_id INTEGER NOT NULL, 
	photo_id INTEGER, 
	path TEXT, 
	kind VARCHAR(8) NOT NULL, 
	model_id INTEGER, 
	vector BLOB, 
	CONSTRAINT pk_taught_examples PRIMARY KEY (id), 
	CONSTRAINT fk_taught_examples_taught_id_taught FOREIGN KEY(taught_id) REFERENCES taught (id) ON DELETE CASCADE, 
	CONSTRAINT fk_taught_examples_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE, 
	CONSTRAINT fk_taught_examples_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "taught_examples" VALUES(1,1,1,NULL,'yes',NULL,NULL);
INSERT INTO "taught_examples" VALUES(2,1,NULL,'/boats/1.jpg','no',1,X'003C003C003C003C003C003C003C003C');
CREATE TABLE taught_heads (
	taught_id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	weights BLOB, 
	bias FLOAT NOT NULL, 
	threshold FLOAT NOT NULL, 
	trained_at BIGINT NOT NULL, 
	examples VARCHAR(32) NOT NULL, 
	report TEXT NOT NULL, 
	CONSTRAINT pk_taught_heads PRIMARY KEY (taught_id, model_id), 
	CONSTRAINT fk_taught_heads_taught_id_taught FOREIGN KEY(taught_id) REFERENCES taught (id) ON DELETE CASCADE, 
	CONSTRAINT fk_taught_heads_model_id_models FOREIGN KEY(model_id) REFERENCES models (id)
);
INSERT INTO "taught_heads" VALUES(1,1,X'0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F',-1.5,0.75,1700000300,'abc','{}');
CREATE TABLE terms (
	id INTEGER NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	CONSTRAINT pk_terms PRIMARY KEY (id)
);
INSERT INTO "terms" VALUES(1,'keyword','Summer 2019','summer 2019');
INSERT INTO "terms" VALUES(2,'camera','Canon EOS R5','canon eos r5');
CREATE TABLE tokens (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	folded TEXT NOT NULL, 
	hash BLOB NOT NULL, 
	read_only BOOLEAN NOT NULL, 
	created_at BIGINT NOT NULL, 
	used_on VARCHAR(10), 
	CONSTRAINT pk_tokens PRIMARY KEY (id)
);
INSERT INTO "tokens" VALUES(1,'Frame','frame',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F',1,1700000400,'2023-11-15');
CREATE TABLE writes (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	photo_id INTEGER NOT NULL, 
	target VARCHAR(8) NOT NULL, 
	path TEXT NOT NULL, 
	state VARCHAR(8) NOT NULL, 
	token VARCHAR(16) NOT NULL, 
	written_at BIGINT NOT NULL, 
	size_before BIGINT NOT NULL, 
	mtime_ns_before BIGINT NOT NULL, 
	hash_before BLOB, 
	size_after BIGINT NOT NULL, 
	mtime_ns_after BIGINT NOT NULL, 
	hash_after BLOB, 
	reverse BLOB NOT NULL, 
	reason TEXT, 
	CONSTRAINT pk_writes PRIMARY KEY (id), 
	CONSTRAINT fk_writes_photo_id_photos FOREIGN KEY(photo_id) REFERENCES photos (id) ON DELETE CASCADE, 
	CONSTRAINT fk_writes_run_id_runs FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "writes" VALUES(1,1,1,'photo','/photos/2019/tiger.jpg','done','0123456789ab',1700000100,1001,1,X'30303030303030303030303030303030',1801,1,X'31313131313131313131313131313131',X'7061746368',NULL);
CREATE INDEX ix_labels_name ON labels (name);
CREATE INDEX ix_photos_missing_since ON photos (missing_since) WHERE missing_since IS NOT NULL;
CREATE INDEX ix_photos_size ON photos (size);
CREATE INDEX ix_photos_taken ON photos (taken);
CREATE UNIQUE INDEX uq_photos_root_id_path ON photos (root_id, path);
CREATE INDEX ix_jobs_claim ON jobs (state, priority, id);
CREATE UNIQUE INDEX uq_jobs_photo_id_kind ON jobs (photo_id, kind);
CREATE INDEX ix_photo_labels_search ON photo_labels (label_id, confidence DESC, photo_id, shown, removed);
CREATE INDEX ix_writes_photo_id ON writes (photo_id);
CREATE INDEX ix_writes_pending ON writes (state) WHERE state = 'pending';
CREATE INDEX ix_ledger_photo_id ON ledger (photo_id);
CREATE INDEX ix_ledger_write_id ON ledger (write_id);
CREATE INDEX ix_ledger_ended_by ON ledger (ended_by);
CREATE INDEX ix_taught_examples_taught_id ON taught_examples (taught_id);
CREATE INDEX ix_taught_examples_photo_id ON taught_examples (photo_id);
CREATE INDEX ix_photos_unseen_since ON photos (unseen_since) WHERE unseen_since IS NOT NULL;
CREATE INDEX ix_photos_content_hash ON photos (content_hash);
CREATE INDEX ix_photos_pixel_hash ON photos (pixel_hash);
CREATE INDEX ix_photo_labels_removed ON photo_labels (label_id) WHERE removed;
CREATE INDEX ix_photos_width ON photos (width, height);
CREATE INDEX ix_photos_rating ON photos (rating) WHERE rating IS NOT NULL;
CREATE INDEX ix_photos_latitude ON photos (latitude, longitude) WHERE latitude IS NOT NULL;
CREATE INDEX ix_photos_fields_due ON photos (id) WHERE fields_as IS NULL;
CREATE UNIQUE INDEX uq_terms_kind_name ON terms (kind, name);
CREATE INDEX ix_terms_kind_folded ON terms (kind, folded);
CREATE INDEX ix_photo_terms_search ON photo_terms (term_id, photo_id);
CREATE UNIQUE INDEX uq_searches_folded ON searches (folded);
CREATE INDEX ix_photos_format ON photos (format) WHERE format IS NULL OR format <> 'JPEG';
CREATE INDEX ix_photos_not_landscape ON photos (width, height) WHERE width IS NULL OR height IS NULL OR width * 49 <= height * 50;
CREATE UNIQUE INDEX uq_tokens_folded ON tokens (folded);
CREATE UNIQUE INDEX uq_tokens_hash ON tokens (hash);
CREATE INDEX ix_corrected_labels_photo_id ON corrected_labels (photo_id);
CREATE INDEX ix_deliveries_photo_id ON deliveries (photo_id);
CREATE INDEX ix_photos_by_path ON photos (root_id, path_folded, taken, format, width, height, rating, latitude, missing_since);
COMMIT;
