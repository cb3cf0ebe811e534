CREATE TABLE experiments (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	UNIQUE (name)
);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE registered_models (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	CONSTRAINT registered_model_pk PRIMARY KEY (name), 
	UNIQUE (name)
);
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
CREATE TABLE registered_model_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY ("key", name), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE cascade
);
CREATE TABLE model_version_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY ("key", name, version), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON UPDATE cascade
);
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), storage_location VARCHAR(500), 
	CONSTRAINT model_version_pk PRIMARY KEY (name, version), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE CASCADE
);
CREATE TABLE "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
CREATE TABLE registered_model_aliases (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (name, alias), 
	CONSTRAINT registered_model_alias_name_fkey FOREIGN KEY(name) REFERENCES registered_models (name) ON DELETE cascade ON UPDATE cascade
);
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO alembic_version VALUES ('0584bdc529eb');
INSERT INTO datasets VALUES ('3023bfa5339b475f8a4d25a6bbf89131', 1, 'customers', 'e62cdf79', 'local', '{"uri": "customers.csv"}', '{"mlflow_colspec": [{"type": "long", "name": "age", "required": true}, {"type": "long", "name": "left", "required": true}]}', '{"num_rows": 2, "num_elements": 4}');
INSERT INTO experiments VALUES (0, 'Default', '/tmp/example/2sql/mlruns/0', 'active', 1795387932098, 1795387932098);
INSERT INTO experiments VALUES (1, 'churn', '/tmp/example/2sql/mlruns/1', 'active', 1795387932109, 1795387932109);
INSERT INTO input_tags VALUES ('7ab522d8a7dc41e691cd81fea51daf27', 'mlflow.data.context', 'train');
INSERT INTO inputs VALUES ('7ab522d8a7dc41e691cd81fea51daf27', 'DATASET', '3023bfa5339b475f8a4d25a6bbf89131', 'RUN', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO latest_metrics VALUES ('loss', 0.02, 1700000000049, 49, 0, '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO latest_metrics VALUES ('odd', 0.5, 1700000000003, 3, 0, '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO latest_metrics VALUES ('loss', 0.25, 1795387957683, 0, 0, '7dc13561a77345d59daee66ddc119c45');
INSERT INTO metrics VALUES ('loss', 1.0, 1700000000000, '9770da9a8da449ecbbe5f6f5f5689637', 0, 0);
INSERT INTO metrics VALUES ('loss', 0.5, 1700000000001, '9770da9a8da449ecbbe5f6f5f5689637', 1, 0);
INSERT INTO metrics VALUES ('loss', 0.3333333333333333, 1700000000002, '9770da9a8da449ecbbe5f6f5f5689637', 2, 0);
INSERT INTO metrics VALUES ('loss', 0.25, 1700000000003, '9770da9a8da449ecbbe5f6f5f5689637', 3, 0);
INSERT INTO metrics VALUES ('loss', 0.2, 1700000000004, '9770da9a8da449ecbbe5f6f5f5689637', 4, 0);
INSERT INTO metrics VALUES ('loss', 0.16666666666666666, 1700000000005, '9770da9a8da449ecbbe5f6f5f5689637', 5, 0);
INSERT INTO metrics VALUES ('loss', 0.14285714285714285, 1700000000006, '9770da9a8da449ecbbe5f6f5f5689637', 6, 0);
INSERT INTO metrics VALUES ('loss', 0.125, 1700000000007, '9770da9a8da449ecbbe5f6f5f5689637', 7, 0);
INSERT INTO metrics VALUES ('loss', 0.1111111111111111, 1700000000008, '9770da9a8da449ecbbe5f6f5f5689637', 8, 0);
INSERT INTO metrics VALUES ('loss', 0.1, 1700000000009, '9770da9a8da449ecbbe5f6f5f5689637', 9, 0);
INSERT INTO metrics VALUES ('loss', 0.09090909090909091, 1700000000010, '9770da9a8da449ecbbe5f6f5f5689637', 10, 0);
INSERT INTO metrics VALUES ('loss', 0.08333333333333333, 1700000000011, '9770da9a8da449ecbbe5f6f5f5689637', 11, 0);
INSERT INTO metrics VALUES ('loss', 0.07692307692307693, 1700000000012, '9770da9a8da449ecbbe5f6f5f5689637', 12, 0);
INSERT INTO metrics VALUES ('loss', 0.07142857142857142, 1700000000013, '9770da9a8da449ecbbe5f6f5f5689637', 13, 0);
INSERT INTO metrics VALUES ('loss', 0.06666666666666667, 1700000000014, '9770da9a8da449ecbbe5f6f5f5689637', 14, 0);
INSERT INTO metrics VALUES ('loss', 0.0625, 1700000000015, '9770da9a8da449ecbbe5f6f5f5689637', 15, 0);
INSERT INTO metrics VALUES ('loss', 0.058823529411764705, 1700000000016, '9770da9a8da449ecbbe5f6f5f5689637', 16, 0);
INSERT INTO metrics VALUES ('loss', 0.05555555555555555, 1700000000017, '9770da9a8da449ecbbe5f6f5f5689637', 17, 0);
INSERT INTO metrics VALUES ('loss', 0.05263157894736842, 1700000000018, '9770da9a8da449ecbbe5f6f5f5689637', 18, 0);
INSERT INTO metrics VALUES ('loss', 0.05, 1700000000019, '9770da9a8da449ecbbe5f6f5f5689637', 19, 0);
INSERT INTO metrics VALUES ('loss', 0.047619047619047616, 1700000000020, '9770da9a8da449ecbbe5f6f5f5689637', 20, 0);
INSERT INTO metrics VALUES ('loss', 0.045454545454545456, 1700000000021, '9770da9a8da449ecbbe5f6f5f5689637', 21, 0);
INSERT INTO metrics VALUES ('loss', 0.043478260869565216, 1700000000022, '9770da9a8da449ecbbe5f6f5f5689637', 22, 0);
INSERT INTO metrics VALUES ('loss', 0.041666666666666664, 1700000000023, '9770da9a8da449ecbbe5f6f5f5689637', 23, 0);
INSERT INTO metrics VALUES ('loss', 0.04, 1700000000024, '9770da9a8da449ecbbe5f6f5f5689637', 24, 0);
INSERT INTO metrics VALUES ('loss', 0.038461538461538464, 1700000000025, '9770da9a8da449ecbbe5f6f5f5689637', 25, 0);
INSERT INTO metrics VALUES ('loss', 0.037037037037037035, 1700000000026, '9770da9a8da449ecbbe5f6f5f5689637', 26, 0);
INSERT INTO metrics VALUES ('loss', 0.03571428571428571, 1700000000027, '9770da9a8da449ecbbe5f6f5f5689637', 27, 0);
INSERT INTO metrics VALUES ('loss', 0.034482758620689655, 1700000000028, '9770da9a8da449ecbbe5f6f5f5689637', 28, 0);
INSERT INTO metrics VALUES ('loss', 0.03333333333333333, 1700000000029, '9770da9a8da449ecbbe5f6f5f5689637', 29, 0);
INSERT INTO metrics VALUES ('loss', 0.03225806451612903, 1700000000030, '9770da9a8da449ecbbe5f6f5f5689637', 30, 0);
INSERT INTO metrics VALUES ('loss', 0.03125, 1700000000031, '9770da9a8da449ecbbe5f6f5f5689637', 31, 0);
INSERT INTO metrics VALUES ('loss', 0.030303030303030304, 1700000000032, '9770da9a8da449ecbbe5f6f5f5689637', 32, 0);
INSERT INTO metrics VALUES ('loss', 0.029411764705882353, 1700000000033, '9770da9a8da449ecbbe5f6f5f5689637', 33, 0);
INSERT INTO metrics VALUES ('loss', 0.02857142857142857, 1700000000034, '9770da9a8da449ecbbe5f6f5f5689637', 34, 0);
INSERT INTO metrics VALUES ('loss', 0.027777777777777776, 1700000000035, '9770da9a8da449ecbbe5f6f5f5689637', 35, 0);
INSERT INTO metrics VALUES ('loss', 0.02702702702702703, 1700000000036, '9770da9a8da449ecbbe5f6f5f5689637', 36, 0);
INSERT INTO metrics VALUES ('loss', 0.02631578947368421, 1700000000037, '9770da9a8da449ecbbe5f6f5f5689637', 37, 0);
INSERT INTO metrics VALUES ('loss', 0.02564102564102564, 1700000000038, '9770da9a8da449ecbbe5f6f5f5689637', 38, 0);
INSERT INTO metrics VALUES ('loss', 0.025, 1700000000039, '9770da9a8da449ecbbe5f6f5f5689637', 39, 0);
INSERT INTO metrics VALUES ('loss', 0.024390243902439025, 1700000000040, '9770da9a8da449ecbbe5f6f5f5689637', 40, 0);
INSERT INTO metrics VALUES ('loss', 0.023809523809523808, 1700000000041, '9770da9a8da449ecbbe5f6f5f5689637', 41, 0);
INSERT INTO metrics VALUES ('loss', 0.023255813953488372, 1700000000042, '9770da9a8da449ecbbe5f6f5f5689637', 42, 0);
INSERT INTO metrics VALUES ('loss', 0.022727272727272728, 1700000000043, '9770da9a8da449ecbbe5f6f5f5689637', 43, 0);
INSERT INTO metrics VALUES ('loss', 0.022222222222222223, 1700000000044, '9770da9a8da449ecbbe5f6f5f5689637', 44, 0);
INSERT INTO metrics VALUES ('loss', 0.021739130434782608, 1700000000045, '9770da9a8da449ecbbe5f6f5f5689637', 45, 0);
INSERT INTO metrics VALUES ('loss', 0.02127659574468085, 1700000000046, '9770da9a8da449ecbbe5f6f5f5689637', 46, 0);
INSERT INTO metrics VALUES ('loss', 0.020833333333333332, 1700000000047, '9770da9a8da449ecbbe5f6f5f5689637', 47, 0);
INSERT INTO metrics VALUES ('loss', 0.02040816326530612, 1700000000048, '9770da9a8da449ecbbe5f6f5f5689637', 48, 0);
INSERT INTO metrics VALUES ('loss', 0.02, 1700000000049, '9770da9a8da449ecbbe5f6f5f5689637', 49, 0);
INSERT INTO metrics VALUES ('odd', 0.0, 1700000000000, '9770da9a8da449ecbbe5f6f5f5689637', 0, 1);
INSERT INTO metrics VALUES ('odd', 1.7976931348623157e+308, 1700000000001, '9770da9a8da449ecbbe5f6f5f5689637', 1, 0);
INSERT INTO metrics VALUES ('odd', -1.7976931348623157e+308, 1700000000002, '9770da9a8da449ecbbe5f6f5f5689637', 2, 0);
INSERT INTO metrics VALUES ('odd', 0.5, 1700000000003, '9770da9a8da449ecbbe5f6f5f5689637', 3, 0);
INSERT INTO metrics VALUES ('loss', 0.25, 1795387957683, '7dc13561a77345d59daee66ddc119c45', 0, 0);
INSERT INTO model_version_tags VALUES ('kind', 'a', 'churn-model', 1);
INSERT INTO model_versions VALUES ('churn-model', 1, 1795387958100, 1795387958100, NULL, NULL, 'None', 'runs:/9770da9a8da449ecbbe5f6f5f5689637/files', '9770da9a8da449ecbbe5f6f5f5689637', 'READY', NULL, NULL, 'runs:/9770da9a8da449ecbbe5f6f5f5689637/files');
INSERT INTO model_versions VALUES ('churn-model', 2, 1795387958156, 1795387958156, 'Better', NULL, 'None', 'runs:/9770da9a8da449ecbbe5f6f5f5689637/model', '9770da9a8da449ecbbe5f6f5f5689637', 'READY', NULL, NULL, 'runs:/9770da9a8da449ecbbe5f6f5f5689637/model');
INSERT INTO params VALUES ('lr', '0.1', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO params VALUES ('optimizer', 'adam', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO params VALUES ('empty', '', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO params VALUES ('late', '1', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO registered_model_aliases VALUES ('champion', 2, 'churn-model');
INSERT INTO registered_model_aliases VALUES ('old', 1, 'churn-model');
INSERT INTO registered_model_tags VALUES ('owner', 'ada', 'churn-model');
INSERT INTO registered_models VALUES ('churn-model', 1795387957993, 1795387958156, 'Predicts churn');
INSERT INTO runs VALUES ('9770da9a8da449ecbbe5f6f5f5689637', 'first', 'UNKNOWN', '', '', 'ada', 'FINISHED', 1795387932521, 1795387957829, '', 'active', '/tmp/example/2sql/mlruns/1/9770da9a8da449ecbbe5f6f5f5689637/artifacts', 1, NULL);
INSERT INTO runs VALUES ('7dc13561a77345d59daee66ddc119c45', 'child', 'UNKNOWN', '', '', 'ada', 'FINISHED', 1795387957612, 1795387957719, '', 'active', '/tmp/example/2sql/mlruns/1/7dc13561a77345d59daee66ddc119c45/artifacts', 1, NULL);
INSERT INTO runs VALUES ('49540b5e3a6b4428b996d7d93e1ea3ce', 'broken', 'UNKNOWN', '', '', 'ada', 'FAILED', 1795387957756, 1795387957787, '', 'active', '/tmp/example/2sql/mlruns/1/49540b5e3a6b4428b996d7d93e1ea3ce/artifacts', 1, NULL);
INSERT INTO runs VALUES ('e5df0ccf0ea5488785f15e0ac85681e7', 'gone', 'UNKNOWN', '', '', 'unknown', 'RUNNING', 1795387957868, NULL, '', 'deleted', '/tmp/example/2sql/mlruns/1/e5df0ccf0ea5488785f15e0ac85681e7/artifacts', 1, 1795387957934);
INSERT INTO tags VALUES ('mlflow.user', 'ada', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.runName', 'first', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('task', 'fraud', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.note.content', 'The first try', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.log-model.history', '[{"run_id": "9770da9a8da449ecbbe5f6f5f5689637", "artifact_path": "model", "utc_time_created": "2026-11-22 22:52:15.516928", "model_uuid": "fce5acd0b0f746a6a571fdc80a995d5f", "flavors": {"python_function": {"streamable": false, "cloudpickle_version": "3.1.2", "python_model": "python_model.pkl", "loader_module": "mlflow.pyfunc.model", "python_version": "3.11.7", "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}, "code": null}}}]', '9770da9a8da449ecbbe5f6f5f5689637');
INSERT INTO tags VALUES ('mlflow.user', 'ada', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.parentRunId', '9770da9a8da449ecbbe5f6f5f5689637', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.runName', 'child', '7dc13561a77345d59daee66ddc119c45');
INSERT INTO tags VALUES ('mlflow.user', 'ada', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.parentRunId', '9770da9a8da449ecbbe5f6f5f5689637', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.runName', 'broken', '49540b5e3a6b4428b996d7d93e1ea3ce');
INSERT INTO tags VALUES ('mlflow.runName', 'gone', 'e5df0ccf0ea5488785f15e0ac85681e7');
