CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
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
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
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
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE "registered_models" (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_pk PRIMARY KEY (workspace, name)
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
	run_link VARCHAR(500), 
	storage_location VARCHAR(500), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_model_versions_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
CREATE TABLE "registered_model_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY (workspace, "key", name), 
	CONSTRAINT fk_registered_model_tags_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
CREATE TABLE "model_version_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY (workspace, "key", name, version), 
	CONSTRAINT fk_model_version_tags_model_versions FOREIGN KEY(workspace, name, version) REFERENCES model_versions (workspace, name, version) ON UPDATE CASCADE
);
CREATE TABLE "registered_model_aliases" (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT fk_registered_model_aliases_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO alembic_version VALUES ('dc11669786a5');
INSERT INTO datasets VALUES ('11a51226baaf4968b3fc83ab6564f7d7', 1, 'customers', 'e62cdf79', 'local', '{"uri": "customers.csv"}', '{"mlflow_colspec": [{"type": "long", "name": "age", "required": true}, {"type": "long", "name": "left", "required": true}]}', '{"num_rows": 2, "num_elements": 4}');
INSERT INTO experiments VALUES (0, 'Default', '/tmp/example/3sql/mlruns/0', 'active', 1795388011373, 1795388011373, 'default');
INSERT INTO experiments VALUES (1, 'churn', '/tmp/example/3sql/mlruns/1', 'active', 1795388011381, 1795388011381, 'default');
INSERT INTO input_tags VALUES ('caa8430e097f44e18a61e237aeca3651', 'mlflow.data.context', 'train');
INSERT INTO inputs VALUES ('caa8430e097f44e18a61e237aeca3651', 'DATASET', '11a51226baaf4968b3fc83ab6564f7d7', 'RUN', '4ba0ec9e6da1444db083a8b70a42d3b1', 0);
INSERT INTO inputs VALUES ('ffbd9ae8d3f44dc69e2c0aedae9432dd', 'RUN_OUTPUT', '4ba0ec9e6da1444db083a8b70a42d3b1', 'MODEL_OUTPUT', 'm-7a73a72bc1cd467084b5bba245fab835', 0);
INSERT INTO latest_metrics VALUES ('loss', 0.02, 1700000000049, 49, 0, '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO latest_metrics VALUES ('odd', 0.5, 1700000000003, 3, 0, '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO latest_metrics VALUES ('loss', 0.25, 1795388022720, 0, 0, '056919f36eac49908f64e1446957dfa7');
INSERT INTO logged_models VALUES ('m-7a73a72bc1cd467084b5bba245fab835', 1, 'model', '/tmp/example/3sql/mlruns/1/models/m-7a73a72bc1cd467084b5bba245fab835/artifacts', 1795388012474, 1795388022586, 2, 'active', NULL, '4ba0ec9e6da1444db083a8b70a42d3b1', NULL);
INSERT INTO metrics VALUES ('loss', 1.0, 1700000000000, '4ba0ec9e6da1444db083a8b70a42d3b1', 0, 0);
INSERT INTO metrics VALUES ('loss', 0.5, 1700000000001, '4ba0ec9e6da1444db083a8b70a42d3b1', 1, 0);
INSERT INTO metrics VALUES ('loss', 0.3333333333333333, 1700000000002, '4ba0ec9e6da1444db083a8b70a42d3b1', 2, 0);
INSERT INTO metrics VALUES ('loss', 0.25, 1700000000003, '4ba0ec9e6da1444db083a8b70a42d3b1', 3, 0);
INSERT INTO metrics VALUES ('loss', 0.2, 1700000000004, '4ba0ec9e6da1444db083a8b70a42d3b1', 4, 0);
INSERT INTO metrics VALUES ('loss', 0.16666666666666666, 1700000000005, '4ba0ec9e6da1444db083a8b70a42d3b1', 5, 0);
INSERT INTO metrics VALUES ('loss', 0.14285714285714285, 1700000000006, '4ba0ec9e6da1444db083a8b70a42d3b1', 6, 0);
INSERT INTO metrics VALUES ('loss', 0.125, 1700000000007, '4ba0ec9e6da1444db083a8b70a42d3b1', 7, 0);
INSERT INTO metrics VALUES ('loss', 0.1111111111111111, 1700000000008, '4ba0ec9e6da1444db083a8b70a42d3b1', 8, 0);
INSERT INTO metrics VALUES ('loss', 0.1, 1700000000009, '4ba0ec9e6da1444db083a8b70a42d3b1', 9, 0);
INSERT INTO metrics VALUES ('loss', 0.09090909090909091, 1700000000010, '4ba0ec9e6da1444db083a8b70a42d3b1', 10, 0);
INSERT INTO metrics VALUES ('loss', 0.08333333333333333, 1700000000011, '4ba0ec9e6da1444db083a8b70a42d3b1', 11, 0);
INSERT INTO metrics VALUES ('loss', 0.07692307692307693, 1700000000012, '4ba0ec9e6da1444db083a8b70a42d3b1', 12, 0);
INSERT INTO metrics VALUES ('loss', 0.07142857142857142, 1700000000013, '4ba0ec9e6da1444db083a8b70a42d3b1', 13, 0);
INSERT INTO metrics VALUES ('loss', 0.06666666666666667, 1700000000014, '4ba0ec9e6da1444db083a8b70a42d3b1', 14, 0);
INSERT INTO metrics VALUES ('loss', 0.0625, 1700000000015, '4ba0ec9e6da1444db083a8b70a42d3b1', 15, 0);
INSERT INTO metrics VALUES ('loss', 0.058823529411764705, 1700000000016, '4ba0ec9e6da1444db083a8b70a42d3b1', 16, 0);
INSERT INTO metrics VALUES ('loss', 0.05555555555555555, 1700000000017, '4ba0ec9e6da1444db083a8b70a42d3b1', 17, 0);
INSERT INTO metrics VALUES ('loss', 0.05263157894736842, 1700000000018, '4ba0ec9e6da1444db083a8b70a42d3b1', 18, 0);
INSERT INTO metrics VALUES ('loss', 0.05, 1700000000019, '4ba0ec9e6da1444db083a8b70a42d3b1', 19, 0);
INSERT INTO metrics VALUES ('loss', 0.047619047619047616, 1700000000020, '4ba0ec9e6da1444db083a8b70a42d3b1', 20, 0);
INSERT INTO metrics VALUES ('loss', 0.045454545454545456, 1700000000021, '4ba0ec9e6da1444db083a8b70a42d3b1', 21, 0);
INSERT INTO metrics VALUES ('loss', 0.043478260869565216, 1700000000022, '4ba0ec9e6da1444db083a8b70a42d3b1', 22, 0);
INSERT INTO metrics VALUES ('loss', 0.041666666666666664, 1700000000023, '4ba0ec9e6da1444db083a8b70a42d3b1', 23, 0);
INSERT INTO metrics VALUES ('loss', 0.04, 1700000000024, '4ba0ec9e6da1444db083a8b70a42d3b1', 24, 0);
INSERT INTO metrics VALUES ('loss', 0.038461538461538464, 1700000000025, '4ba0ec9e6da1444db083a8b70a42d3b1', 25, 0);
INSERT INTO metrics VALUES ('loss', 0.037037037037037035, 1700000000026, '4ba0ec9e6da1444db083a8b70a42d3b1', 26, 0);
INSERT INTO metrics VALUES ('loss', 0.03571428571428571, 1700000000027, '4ba0ec9e6da1444db083a8b70a42d3b1', 27, 0);
INSERT INTO metrics VALUES ('loss', 0.034482758620689655, 1700000000028, '4ba0ec9e6da1444db083a8b70a42d3b1', 28, 0);
INSERT INTO metrics VALUES ('loss', 0.03333333333333333, 1700000000029, '4ba0ec9e6da1444db083a8b70a42d3b1', 29, 0);
INSERT INTO metrics VALUES ('loss', 0.03225806451612903, 1700000000030, '4ba0ec9e6da1444db083a8b70a42d3b1', 30, 0);
INSERT INTO metrics VALUES ('loss', 0.03125, 1700000000031, '4ba0ec9e6da1444db083a8b70a42d3b1', 31, 0);
INSERT INTO metrics VALUES ('loss', 0.030303030303030304, 1700000000032, '4ba0ec9e6da1444db083a8b70a42d3b1', 32, 0);
INSERT INTO metrics VALUES ('loss', 0.029411764705882353, 1700000000033, '4ba0ec9e6da1444db083a8b70a42d3b1', 33, 0);
INSERT INTO metrics VALUES ('loss', 0.02857142857142857, 1700000000034, '4ba0ec9e6da1444db083a8b70a42d3b1', 34, 0);
INSERT INTO metrics VALUES ('loss', 0.027777777777777776, 1700000000035, '4ba0ec9e6da1444db083a8b70a42d3b1', 35, 0);
INSERT INTO metrics VALUES ('loss', 0.02702702702702703, 1700000000036, '4ba0ec9e6da1444db083a8b70a42d3b1', 36, 0);
INSERT INTO metrics VALUES ('loss', 0.02631578947368421, 1700000000037, '4ba0ec9e6da1444db083a8b70a42d3b1', 37, 0);
INSERT INTO metrics VALUES ('loss', 0.02564102564102564, 1700000000038, '4ba0ec9e6da1444db083a8b70a42d3b1', 38, 0);
INSERT INTO metrics VALUES ('loss', 0.025, 1700000000039, '4ba0ec9e6da1444db083a8b70a42d3b1', 39, 0);
INSERT INTO metrics VALUES ('loss', 0.024390243902439025, 1700000000040, '4ba0ec9e6da1444db083a8b70a42d3b1', 40, 0);
INSERT INTO metrics VALUES ('loss', 0.023809523809523808, 1700000000041, '4ba0ec9e6da1444db083a8b70a42d3b1', 41, 0);
INSERT INTO metrics VALUES ('loss', 0.023255813953488372, 1700000000042, '4ba0ec9e6da1444db083a8b70a42d3b1', 42, 0);
INSERT INTO metrics VALUES ('loss', 0.022727272727272728, 1700000000043, '4ba0ec9e6da1444db083a8b70a42d3b1', 43, 0);
INSERT INTO metrics VALUES ('loss', 0.022222222222222223, 1700000000044, '4ba0ec9e6da1444db083a8b70a42d3b1', 44, 0);
INSERT INTO metrics VALUES ('loss', 0.021739130434782608, 1700000000045, '4ba0ec9e6da1444db083a8b70a42d3b1', 45, 0);
INSERT INTO metrics VALUES ('loss', 0.02127659574468085, 1700000000046, '4ba0ec9e6da1444db083a8b70a42d3b1', 46, 0);
INSERT INTO metrics VALUES ('loss', 0.020833333333333332, 1700000000047, '4ba0ec9e6da1444db083a8b70a42d3b1', 47, 0);
INSERT INTO metrics VALUES ('loss', 0.02040816326530612, 1700000000048, '4ba0ec9e6da1444db083a8b70a42d3b1', 48, 0);
INSERT INTO metrics VALUES ('loss', 0.02, 1700000000049, '4ba0ec9e6da1444db083a8b70a42d3b1', 49, 0);
INSERT INTO metrics VALUES ('odd', 0.0, 1700000000000, '4ba0ec9e6da1444db083a8b70a42d3b1', 0, 1);
INSERT INTO metrics VALUES ('odd', 1.7976931348623157e+308, 1700000000001, '4ba0ec9e6da1444db083a8b70a42d3b1', 1, 0);
INSERT INTO metrics VALUES ('odd', -1.7976931348623157e+308, 1700000000002, '4ba0ec9e6da1444db083a8b70a42d3b1', 2, 0);
INSERT INTO metrics VALUES ('odd', 0.5, 1700000000003, '4ba0ec9e6da1444db083a8b70a42d3b1', 3, 0);
INSERT INTO metrics VALUES ('loss', 0.25, 1795388022720, '056919f36eac49908f64e1446957dfa7', 0, 0);
INSERT INTO model_version_tags VALUES ('kind', 'a', 'churn-model', 1, 'default');
INSERT INTO model_versions VALUES ('churn-model', 1, 1795388023071, 1795388023071, NULL, NULL, 'None', 'runs:/4ba0ec9e6da1444db083a8b70a42d3b1/files', '4ba0ec9e6da1444db083a8b70a42d3b1', 'READY', NULL, NULL, 'runs:/4ba0ec9e6da1444db083a8b70a42d3b1/files', 'default');
INSERT INTO model_versions VALUES ('churn-model', 2, 1795388023126, 1795388023126, 'Better', NULL, 'None', 'models:/m-7a73a72bc1cd467084b5bba245fab835', '4ba0ec9e6da1444db083a8b70a42d3b1', 'READY', NULL, NULL, '/tmp/example/3sql/mlruns/1/models/m-7a73a72bc1cd467084b5bba245fab835/artifacts', 'default');
INSERT INTO params VALUES ('lr', '0.1', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO params VALUES ('optimizer', 'adam', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO params VALUES ('empty', '', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO params VALUES ('late', '1', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO registered_model_aliases VALUES ('champion', 2, 'churn-model', 'default');
INSERT INTO registered_model_aliases VALUES ('old', 1, 'churn-model', 'default');
INSERT INTO registered_model_tags VALUES ('owner', 'ada', 'churn-model', 'default');
INSERT INTO registered_models VALUES ('churn-model', 1795388023016, 1795388023126, 'Predicts churn', 'default');
INSERT INTO runs VALUES ('4ba0ec9e6da1444db083a8b70a42d3b1', 'first', 'UNKNOWN', '', '', 'ada', 'FINISHED', 1795388011739, 1795388022908, '', 'active', '/tmp/example/3sql/mlruns/1/4ba0ec9e6da1444db083a8b70a42d3b1/artifacts', 1, NULL);
INSERT INTO runs VALUES ('056919f36eac49908f64e1446957dfa7', 'child', 'UNKNOWN', '', '', 'ada', 'FINISHED', 1795388022656, 1795388022767, '', 'active', '/tmp/example/3sql/mlruns/1/056919f36eac49908f64e1446957dfa7/artifacts', 1, NULL);
INSERT INTO runs VALUES ('3d9cc084378640e688ae2f98cc7bf8de', 'broken', 'UNKNOWN', '', '', 'ada', 'FAILED', 1795388022841, 1795388022887, '', 'active', '/tmp/example/3sql/mlruns/1/3d9cc084378640e688ae2f98cc7bf8de/artifacts', 1, NULL);
INSERT INTO runs VALUES ('ee8c2cc592e94bf1aadf23672665b48f', 'gone', 'UNKNOWN', '', '', 'unknown', 'RUNNING', 1795388022923, NULL, '', 'deleted', '/tmp/example/3sql/mlruns/1/ee8c2cc592e94bf1aadf23672665b48f/artifacts', 1, 1795388022966);
INSERT INTO tags VALUES ('mlflow.user', 'ada', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.source.git.branch', 'master', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.runName', 'first', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('task', 'fraud', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.note.content', 'The first try', '4ba0ec9e6da1444db083a8b70a42d3b1');
INSERT INTO tags VALUES ('mlflow.user', 'ada', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.source.git.branch', 'master', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.parentRunId', '4ba0ec9e6da1444db083a8b70a42d3b1', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.runName', 'child', '056919f36eac49908f64e1446957dfa7');
INSERT INTO tags VALUES ('mlflow.user', 'ada', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.source.name', '../make.py', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.source.type', 'LOCAL', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.source.git.commit', '4e3313c025131aeb927cb0a09498d9a7a3f8bf56', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.source.git.branch', 'master', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.parentRunId', '4ba0ec9e6da1444db083a8b70a42d3b1', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.runName', 'broken', '3d9cc084378640e688ae2f98cc7bf8de');
INSERT INTO tags VALUES ('mlflow.runName', 'gone', 'ee8c2cc592e94bf1aadf23672665b48f');
