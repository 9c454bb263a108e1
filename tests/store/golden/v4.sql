-- SPDX-License-Identifier: Apache-2.0
-- A database of layout 4, as the sqlite3 shell dumps it. Never edited: files like this are out there.
PRAGMA application_id=1363951949;
PRAGMA user_version=4;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE experiments(
  id INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  paused INTEGER NOT NULL,
  exhausted INTEGER NOT NULL,
  trials INTEGER NOT NULL,
  trials_created INTEGER NOT NULL,
  trials_running INTEGER NOT NULL,
  trials_succeeded INTEGER NOT NULL,
  trials_killed INTEGER NOT NULL,
  trials_failed INTEGER NOT NULL,
  trials_metrics_unavailable INTEGER NOT NULL,
  trials_early_stopped INTEGER NOT NULL,
  best_trial TEXT,
  creation_time TEXT,
  start_time TEXT,
  completion_time TEXT,
  resource_version INTEGER NOT NULL,
  algorithm_settings TEXT NOT NULL,
  conditions TEXT NOT NULL,
  UNIQUE(namespace, name)
);
INSERT INTO experiments VALUES(1,'default','digits','digits-uid','Running','','',1,1,36,1,2,3,4,5,6,15,'digits-t1','2026-01-01T00:00:00.000000001Z','2026-01-01T00:00:01.999999999Z','2026-01-01T00:01:40.000000000Z',1,'{"n_startup":"10","a":"comes after n: the order is kept"}','[{"type":"Created","status":"True","reason":"ExperimentCreated","message":"Experiment is created","lastUpdateTime":"2026-01-01T00:00:01.000000000Z","lastTransitionTime":"2026-01-01T00:00:01.000000000Z"},{"type":"Running","status":"True","reason":"ExperimentRunning","message":"two\nlines, \"quotes\", \\ and é","lastUpdateTime":"2026-01-01T00:00:02.123456789Z","lastTransitionTime":"2026-01-01T00:00:02.000000000Z"},{"type":"Restarting","status":"False","reason":"","message":""}]');
CREATE TABLE manifests(
  experiment_id INTEGER PRIMARY KEY REFERENCES experiments(id),
  manifest TEXT NOT NULL,
  source TEXT NOT NULL
);
INSERT INTO manifests VALUES(1,'{"metadata":{"name":"digits"},"text":"\"quoted\" é 漢"}',replace('# a comment with ''quotes''\n	and a tab\n','\n',char(10)));
CREATE TABLE trials(
  id INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiments(id),
  ordinal INTEGER NOT NULL,
  name TEXT NOT NULL UNIQUE,
  experiment TEXT NOT NULL,
  namespace TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  stopping INTEGER NOT NULL,
  creation_time TEXT,
  start_time TEXT,
  completion_time TEXT,
  resource_version INTEGER NOT NULL,
  assignments TEXT NOT NULL,
  observation TEXT,
  labels TEXT NOT NULL,
  conditions TEXT NOT NULL, early_stopping_rules TEXT NOT NULL DEFAULT '[]',
  UNIQUE(experiment_id, ordinal)
);
INSERT INTO trials VALUES(1,1,1,'digits-t1','digits','default','EarlyStopped','','',2,1,'2026-01-01T00:00:01.000000000Z','2026-01-01T00:00:02.000000000Z','2026-01-01T00:00:09.000000010Z',1,'{"z":"0.10","a":"1e-05","name with \"quotes\" and é":"relu\n","empty":""}','{"loss":{"min":"0.10","max":"0.3","latest":"0.2"},"Validation-accuracy \"é\"":{"min":"nan","max":"inf","latest":"-1"},"":{"min":"unavailable","max":"unavailable","latest":"unavailable"}}','{"b":"","pbt.suggestion.katib.kubeflow.org/generation":"3"}','[{"type":"Created","status":"True","reason":"ExperimentCreated","message":"Experiment is created","lastUpdateTime":"2026-01-01T00:00:01.000000000Z","lastTransitionTime":"2026-01-01T00:00:01.000000000Z"},{"type":"Running","status":"True","reason":"ExperimentRunning","message":"two\nlines, \"quotes\", \\ and é","lastUpdateTime":"2026-01-01T00:00:02.123456789Z","lastTransitionTime":"2026-01-01T00:00:02.000000000Z"},{"type":"Restarting","status":"False","reason":"","message":""}]','[{"name":"loss","value":"0.25","comparison":"greater","startStep":4},{"name":"é \"q\"","value":"","comparison":"equal","startStep":0}]');
CREATE TABLE steps(
  trial_name TEXT NOT NULL REFERENCES trials(name),
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  exit_code INTEGER,
  signal INTEGER NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  start_time TEXT,
  completion_time TEXT,
  cpu_seconds REAL NOT NULL,
  max_rss_bytes INTEGER NOT NULL,
  PRIMARY KEY(trial_name, step, attempt)
) WITHOUT ROWID;
INSERT INTO steps VALUES('digits-t1','main',1,'Failed',0,9,'OOMKilled','used 300 of 256 MiB','2026-01-01T00:00:03.000000000Z','2026-01-01T00:00:05.000000007Z',0.10000000000000000555,3000000000);
INSERT INTO steps VALUES('digits-t1','main',2,'Running',NULL,0,'','','2026-01-01T00:00:03.000000000Z',NULL,0.0,0);
CREATE TABLE observation_logs(
  id INTEGER PRIMARY KEY,
  trial_name TEXT NOT NULL REFERENCES trials(name),
  attempt INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  time TEXT,
  metric_name TEXT NOT NULL,
  value TEXT NOT NULL,
  step INTEGER NOT NULL,
  UNIQUE(trial_name, attempt, sequence)
);
INSERT INTO observation_logs VALUES(1,'digits-t1',1,1,'2026-01-01T00:00:01.000000005Z','loss','0.1',1);
INSERT INTO observation_logs VALUES(2,'digits-t1',1,2,NULL,'Validation-accuracy "é"','nan',-3000000000);
CREATE TABLE collector_positions(
  trial_name TEXT NOT NULL REFERENCES trials(name),
  attempt INTEGER NOT NULL,
  byte_offset INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  PRIMARY KEY(trial_name, attempt)
) WITHOUT ROWID;
INSERT INTO collector_positions VALUES('digits-t1',1,5000000000,500000000,1000000000);
CREATE TABLE events(
  id INTEGER PRIMARY KEY,
  experiment_id INTEGER NOT NULL REFERENCES experiments(id),
  object TEXT NOT NULL,
  type TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  count INTEGER NOT NULL,
  first_time TEXT,
  last_time TEXT,
  UNIQUE(experiment_id, object, type, reason, message)
);
INSERT INTO events VALUES(1,1,'trial/digits-t1','Normal','TrialRunning','Trial é is running',1,'2026-01-01T00:00:04.000000000Z','2026-01-01T00:00:04.000000000Z');
CREATE TABLE deleted_experiments(
  id INTEGER PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  deletion_time TEXT,
  resource_version INTEGER NOT NULL
);
INSERT INTO deleted_experiments VALUES(7,'default','gone','uid-7','2026-01-02T00:00:00.000000000Z',3);
CREATE TABLE counters(
  name TEXT NOT NULL,
  namespace TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY(name, namespace)
) WITHOUT ROWID;
INSERT INTO counters VALUES('katib_experiment_created_total','default',2);
INSERT INTO counters VALUES('katib_experiment_deleted_total','default',1);
INSERT INTO counters VALUES('katib_trial_created_total','default',1);
CREATE INDEX experiments_by_resource_version ON experiments(resource_version);
CREATE INDEX trials_by_resource_version ON trials(resource_version);
CREATE INDEX deleted_experiments_by_resource_version ON deleted_experiments(resource_version);
CREATE TRIGGER count_experiment_created AFTER INSERT ON experiments BEGIN
  INSERT INTO counters VALUES('katib_experiment_created_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_experiment_ended AFTER UPDATE OF status ON experiments
WHEN new.status <> old.status AND new.status IN ('Succeeded', 'Failed') BEGIN
  INSERT INTO counters VALUES('katib_experiment_' || lower(new.status) || '_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_experiment_deleted AFTER DELETE ON experiments BEGIN
  INSERT INTO counters VALUES('katib_experiment_deleted_total', old.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_created AFTER INSERT ON trials BEGIN
  INSERT INTO counters VALUES('katib_trial_created_total', new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_created_ended AFTER INSERT ON trials
WHEN new.status IN ('Succeeded', 'Failed', 'MetricsUnavailable') BEGIN
  INSERT INTO counters VALUES(CASE new.status WHEN 'MetricsUnavailable' THEN 'katib_trial_metrics_unavailable_total'
    ELSE 'katib_trial_' || lower(new.status) || '_total' END, new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_ended AFTER UPDATE OF status ON trials
WHEN new.status <> old.status AND new.status IN ('Succeeded', 'Failed', 'MetricsUnavailable') BEGIN
  INSERT INTO counters VALUES(CASE new.status WHEN 'MetricsUnavailable' THEN 'katib_trial_metrics_unavailable_total'
    ELSE 'katib_trial_' || lower(new.status) || '_total' END, new.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER count_trial_deleted AFTER DELETE ON trials BEGIN
  INSERT INTO counters VALUES('katib_trial_deleted_total', old.namespace, 1)
    ON CONFLICT DO UPDATE SET value = value + 1;
END;
COMMIT;
