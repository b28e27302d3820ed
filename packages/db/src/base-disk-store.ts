import { type BaseDiskId, type BaseDiskRecord, type BaseDiskStore, type BoxId, BoxliteError } from '@boxlite/core';
import type { Connection, Row, Transaction } from './connection.js';
import { decodeDocument, encodeDocument } from './document.js';
import { baseDiskKind } from './record-kinds.js';

const SELECT_BASE = 'SELECT id, json FROM base_disk';

/** Immutable base disks and the boxes that refer to them. */
export function createBaseDiskStore(connection: Connection): BaseDiskStore {
  const decode = (row: Row): BaseDiskRecord => decodeDocument(baseDiskKind, row, connection.file);
  const optional = (row: Row | undefined): BaseDiskRecord | undefined => (row === undefined ? undefined : decode(row));
  return {
    insert: (record) => connection.write(`cannot record base disk ${record.id}`, (to) => insertBaseDisk(to, record)),
    get: (id) =>
      connection.read(`cannot read base disk ${id}`, (from) => optional(from.get(`${SELECT_BASE} WHERE id = ?`, id))),
    findByName: (sourceBoxId, name) =>
      connection.read(`cannot find base disk ${name} of ${sourceBoxId}`, (from) =>
        optional(from.get(`${SELECT_BASE} WHERE source_box_id = ? AND name = ?`, sourceBoxId, name)),
      ),
    list: (kind) =>
      connection.read('cannot list the base disks', (from) => {
        const order = 'ORDER BY created_at, id';
        const rows =
          kind === undefined
            ? from.all(`${SELECT_BASE} ${order}`)
            : from.all(`${SELECT_BASE} WHERE kind = ? ${order}`, kind);
        return rows.map(decode);
      }),
    delete: (id) => connection.write(`cannot delete base disk ${id}`, (to) => deleteBaseDisk(to, id)),
    addReference: (id, boxId, { replaces, durable = true } = {}) =>
      connection.write(`cannot refer box ${boxId} to base disk ${id}`, (to) => addReference(to, id, boxId, replaces), {
        durable,
      }),
    removeReferences: (boxId) =>
      connection.write(`cannot remove the references of box ${boxId}`, (to) => {
        to.run('DELETE FROM base_disk_ref WHERE box_id = ?', boxId);
      }),
    referencedBy: (id) => connection.read(`cannot read the references to base disk ${id}`, (from) => boxesOf(from, id)),
  };
}

function insertBaseDisk(to: Transaction, record: BaseDiskRecord): void {
  if (to.get('SELECT 1 FROM base_disk WHERE id = ?', record.id) !== undefined) throw taken('id', record.id);
  const name = record.name ?? null;
  const sameName = 'SELECT 1 FROM base_disk WHERE source_box_id = ? AND name = ?';
  if (name !== null && to.get(sameName, record.sourceBoxId, name) !== undefined) throw taken('name', name);
  to.run(
    `INSERT INTO base_disk (id, source_box_id, name, kind, base_path, created_at, json) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    record.id,
    record.sourceBoxId,
    name,
    record.kind,
    record.basePath,
    Math.trunc(record.createdAt),
    encodeDocument(baseDiskKind, record),
  );
}

function deleteBaseDisk(to: Transaction, id: BaseDiskId): boolean {
  const boxes = boxesOf(to, id);
  const snapshots = to
    .all('SELECT box_id, name FROM snapshot WHERE base_disk_id = ?', id)
    .map((row) => `${row.box_id}:${row.name}`);
  if (boxes.length + snapshots.length > 0) {
    const users = [...boxes.map((box) => `box ${box}`), ...snapshots.map((snapshot) => `snapshot ${snapshot}`)];
    throw new BoxliteError('invalid_state', `base disk ${id} is in use by ${users.join(', ')}`, {
      hint: 'remove those first',
      details: { field: 'id', boxes, snapshots },
    });
  }
  return to.run('DELETE FROM base_disk WHERE id = ?', id).changes > 0;
}

function addReference(
  to: Transaction,
  id: BaseDiskId,
  boxId: BoxId,
  replaces: BaseDiskRecord['kind'] | undefined,
): void {
  if (to.get('SELECT 1 FROM base_disk WHERE id = ?', id) === undefined) throw missing('id', `base disk ${id}`);
  if (to.get('SELECT 1 FROM box_config WHERE id = ?', boxId) === undefined) throw missing('boxId', `box ${boxId}`);
  if (replaces !== undefined) {
    to.run(
      `DELETE FROM base_disk_ref WHERE box_id = ? AND base_disk_id <> ? AND base_disk_id IN (SELECT id FROM base_disk WHERE kind = ?)`,
      boxId,
      id,
      replaces,
    );
  }
  to.run('INSERT OR IGNORE INTO base_disk_ref (base_disk_id, box_id) VALUES (?, ?)', id, boxId);
}

function boxesOf(from: Transaction, id: BaseDiskId): readonly BoxId[] {
  return from
    .all('SELECT box_id FROM base_disk_ref WHERE base_disk_id = ? ORDER BY box_id', id)
    .map((row) => row.box_id as BoxId);
}

function missing(field: string, what: string): BoxliteError {
  return new BoxliteError('not_found', `${what} is not recorded`, {
    hint: 'record it first',
    details: { field },
  });
}

function taken(field: 'id' | 'name', value: string): BoxliteError {
  return new BoxliteError('already_exists', `a base disk with the ${field} "${value}" exists already`, {
    hint: field === 'name' ? 'use the existing one' : 'choose another id',
    details: { field, value },
  });
}
