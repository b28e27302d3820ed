import { BoxliteError, type SnapshotRecord, type SnapshotStore } from '@boxlite/core';
import type { Connection, Row, Transaction } from './connection.js';
import { decodeDocument, encodeDocument } from './document.js';
import { snapshotKind } from './record-kinds.js';

const SELECT_SNAPSHOT = 'SELECT id, json FROM snapshot';

/** Snapshots of boxes. */
export function createSnapshotStore(connection: Connection): SnapshotStore {
  const decode = (row: Row): SnapshotRecord => decodeDocument(snapshotKind, row, connection.file);
  return {
    insert: (record) =>
      connection.write(`cannot record snapshot ${record.name} of box ${record.boxId}`, (to) =>
        insertSnapshot(to, record),
      ),
    list: (boxId) =>
      connection.read(`cannot list the snapshots of box ${boxId}`, (from) =>
        from.all(`${SELECT_SNAPSHOT} WHERE box_id = ? ORDER BY created_at, id`, boxId).map(decode),
      ),
    get: (boxId, name) =>
      connection.read(`cannot read snapshot ${name} of box ${boxId}`, (from) => {
        const row = from.get(`${SELECT_SNAPSHOT} WHERE box_id = ? AND name = ?`, boxId, name);
        return row === undefined ? undefined : decode(row);
      }),
    delete: (boxId, name) =>
      connection.write(
        `cannot delete snapshot ${name} of box ${boxId}`,
        (to) => to.run('DELETE FROM snapshot WHERE box_id = ? AND name = ?', boxId, name).changes > 0,
      ),
  };
}

function insertSnapshot(to: Transaction, record: SnapshotRecord): void {
  if (to.get('SELECT 1 FROM box_config WHERE id = ?', record.boxId) === undefined) {
    throw missing('boxId', `box ${record.boxId}`);
  }
  const { baseDiskId } = record;
  if (baseDiskId !== undefined && to.get('SELECT 1 FROM base_disk WHERE id = ?', baseDiskId) === undefined) {
    throw missing('baseDiskId', `base disk ${baseDiskId}`);
  }
  if (to.get('SELECT 1 FROM snapshot WHERE id = ?', record.id) !== undefined) throw taken('id', record);
  if (to.get('SELECT 1 FROM snapshot WHERE box_id = ? AND name = ?', record.boxId, record.name) !== undefined) {
    throw taken('name', record);
  }
  to.run(
    'INSERT INTO snapshot (id, box_id, name, created_at, base_disk_id, json) VALUES (?, ?, ?, ?, ?, ?)',
    record.id,
    record.boxId,
    record.name,
    Math.trunc(record.createdAt),
    baseDiskId ?? null,
    encodeDocument(snapshotKind, record),
  );
}

function missing(field: string, what: string): BoxliteError {
  return new BoxliteError('not_found', `${what} is not recorded`, { hint: 'record it first', details: { field } });
}

function taken(field: 'id' | 'name', record: SnapshotRecord): BoxliteError {
  return new BoxliteError(
    'already_exists',
    `box ${record.boxId} has a snapshot with the ${field} "${record[field]}" already`,
    {
      hint: 'choose another name, or remove that snapshot first',
      details: { field, value: record[field] },
    },
  );
}
