import { APPLICATION_ID } from '../application-id.js';
import type { Migration } from './migration.js';

/**
 * Columns are what queries and constraints need; the `json` document is the record. Box configurations are immutable, so state is a
 * table of its own. A base disk cannot go while a box or a snapshot refers to it.
 */
export const initial: Migration = {
  version: 1,
  name: 'initial',
  up(database) {
    database.exec(`
      CREATE TABLE box_config (
        id TEXT PRIMARY KEY NOT NULL,
        name TEXT UNIQUE,
        created_at INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX box_config_created_at ON box_config (created_at);

      CREATE TABLE box_state (
        id TEXT PRIMARY KEY NOT NULL REFERENCES box_config (id) ON DELETE CASCADE,
        status TEXT NOT NULL,
        pid INTEGER,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX box_state_status ON box_state (status);
      CREATE INDEX box_state_pid ON box_state (pid);

      CREATE TABLE alive (
        id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
        boot_id TEXT NOT NULL,
        started_at INTEGER NOT NULL
      ) STRICT;

      CREATE TABLE image_index (
        reference TEXT PRIMARY KEY NOT NULL,
        manifest_digest TEXT NOT NULL,
        config_digest TEXT NOT NULL,
        cached_at INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        json TEXT NOT NULL
      ) STRICT;
      CREATE INDEX image_index_manifest ON image_index (manifest_digest);

      CREATE TABLE base_disk (
        id TEXT PRIMARY KEY NOT NULL,
        source_box_id TEXT NOT NULL,
        name TEXT,
        kind TEXT NOT NULL CHECK (kind IN ('snapshot', 'clone_base', 'rootfs')),
        base_path TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        json TEXT NOT NULL,
        UNIQUE (source_box_id, name)
      ) STRICT;
      CREATE INDEX base_disk_kind ON base_disk (kind);
      CREATE INDEX base_disk_path ON base_disk (base_path);

      CREATE TABLE base_disk_ref (
        base_disk_id TEXT NOT NULL REFERENCES base_disk (id),
        box_id TEXT NOT NULL REFERENCES box_config (id) ON DELETE CASCADE,
        PRIMARY KEY (base_disk_id, box_id)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX base_disk_ref_box ON base_disk_ref (box_id);

      CREATE TABLE snapshot (
        id TEXT PRIMARY KEY NOT NULL,
        box_id TEXT NOT NULL REFERENCES box_config (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        base_disk_id TEXT REFERENCES base_disk (id),
        json TEXT NOT NULL,
        UNIQUE (box_id, name)
      ) STRICT;
      CREATE INDEX snapshot_base_disk ON snapshot (base_disk_id);

      CREATE TABLE lease (
        id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        entity TEXT NOT NULL,
        purpose TEXT NOT NULL,
        shared INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        start_time INTEGER NOT NULL,
        boot_id TEXT NOT NULL,
        acquired_at INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX lease_entity ON lease (entity);
    `);
    database.pragma(`application_id = ${APPLICATION_ID}`);
  },
};
