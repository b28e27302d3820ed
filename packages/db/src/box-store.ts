import {
  type BoxConfigRecord,
  type BoxId,
  BoxliteError,
  type BoxRecord,
  type BoxStateRecord,
  type BoxStore,
  canTransition,
} from '@boxlite/core';
import type { Connection, Row, SqlValue, Transaction } from './connection.js';
import { decodeDocument, encodeDocument } from './document.js';
import { boxConfigKind, boxStateKind } from './record-kinds.js';

const SELECT_BOX = `
  SELECT box_config.id AS id, box_config.json AS config, box_state.json AS state
  FROM box_config JOIN box_state ON box_state.id = box_config.id`;
/** How many fitting ids an ambiguous prefix's error names. */
const NAMED_CANDIDATES = 5;

/** Boxes: an immutable configuration and a mutable state each. */
export function createBoxStore(connection: Connection): BoxStore {
  const one = (from: Transaction, where: string, ...parameters: SqlValue[]): BoxRecord | undefined => {
    const row = from.get(`${SELECT_BOX} WHERE ${where}`, ...parameters);
    return row === undefined ? undefined : decodeBox(row, connection.file);
  };
  return {
    insert: (config, state, { durable = true } = {}) =>
      connection.write(`cannot record box ${config.id}`, (transaction) => insertBox(transaction, config, state), {
        durable,
      }),
    get: (id) => connection.read(`cannot read box ${id}`, (from) => one(from, 'box_config.id = ?', id)),
    find: (idOrName) =>
      connection.read(`cannot find box ${JSON.stringify(idOrName)}`, (from) => {
        const exact = one(from, 'box_config.id = ?', idOrName) ?? one(from, 'box_config.name = ?', idOrName);
        return exact ?? findByPrefix(from, idOrName, connection.file);
      }),
    list: () =>
      connection.read('cannot list the boxes', (from) =>
        from
          .all(`${SELECT_BOX} ORDER BY box_config.created_at, box_config.id`)
          .map((row) => decodeBox(row, connection.file)),
      ),
    update: (id, change, { durable = true } = {}) =>
      connection.write(
        `cannot change box ${id}`,
        (transaction) => updateState(transaction, id, change, connection.file),
        { durable },
      ),
    delete: (id, { durable = true } = {}) =>
      connection.write(
        `cannot delete box ${id}`,
        // State, references and snapshots go by their foreign keys.
        (transaction) => transaction.run('DELETE FROM box_config WHERE id = ?', id).changes > 0,
        { durable },
      ),
  };
}

function insertBox(transaction: Transaction, config: BoxConfigRecord, state: BoxStateRecord): void {
  if (transaction.get('SELECT 1 FROM box_config WHERE id = ?', config.id) !== undefined) throw taken('id', config.id);
  const { name } = config;
  if (name !== undefined && transaction.get('SELECT 1 FROM box_config WHERE name = ?', name) !== undefined) {
    throw taken('name', name);
  }
  transaction.run(
    'INSERT INTO box_config (id, name, created_at, json) VALUES (?, ?, ?, ?)',
    config.id,
    name ?? null,
    Math.trunc(config.createdAt),
    encodeDocument(boxConfigKind, config),
  );
  transaction.run(
    'INSERT INTO box_state (id, status, pid, json) VALUES (?, ?, ?, ?)',
    config.id,
    state.status,
    state.vmm?.pid ?? null,
    encodeDocument(boxStateKind, { ...state, id: config.id }),
  );
}

function updateState(
  transaction: Transaction,
  id: BoxId,
  change: (state: BoxStateRecord) => BoxStateRecord,
  file: string,
): BoxStateRecord {
  const row = transaction.get('SELECT id, json FROM box_state WHERE id = ?', id);
  if (row === undefined) {
    throw new BoxliteError('not_found', `box ${id} does not exist`, {
      hint: 'it was removed in the meantime, or belongs to another BOXLITE_HOME',
      details: { field: 'id' },
    });
  }
  const before = decodeState(row, file);
  const after = change(before);
  if (!canTransition(before.status, after.status)) {
    throw new BoxliteError('invalid_state', `box ${id} is ${before.status} and cannot become ${after.status}`, {
      hint: 'look at its state first: another process may have changed it',
      details: { field: 'status', id, from: before.status, to: after.status },
    });
  }
  transaction.run(
    'UPDATE box_state SET status = ?, pid = ?, json = ? WHERE id = ?',
    after.status,
    after.vmm?.pid ?? null,
    encodeDocument(boxStateKind, { ...after, id }),
    id,
  );
  return after;
}

function findByPrefix(from: Transaction, prefix: string, file: string): BoxRecord | undefined {
  if (prefix === '') return undefined;
  // Not LIKE: "_" is a character of ids.
  const rows = from.all(
    `${SELECT_BOX} WHERE substr(box_config.id, 1, length(?)) = ? ORDER BY box_config.id LIMIT ${NAMED_CANDIDATES}`,
    prefix,
    prefix,
  );
  const [first, second] = rows;
  if (first === undefined) return undefined;
  if (second === undefined) return decodeBox(first, file);
  const candidates = rows.map(({ id }) => String(id));
  throw new BoxliteError('invalid_argument', `"${prefix}" fits several boxes: ${candidates.join(', ')}`, {
    hint: 'give more characters of the id, or the name',
    details: { field: 'idOrName', candidates },
  });
}

function decodeBox(row: Row, file: string): BoxRecord {
  return {
    config: decodeDocument(boxConfigKind, { id: row.id, json: row.config }, file),
    state: decodeState({ id: row.id, json: row.state }, file),
  };
}

function decodeState(row: Row, file: string): BoxStateRecord {
  const { id: _id, ...state } = decodeDocument(boxStateKind, row, file);
  return state;
}

function taken(field: 'id' | 'name', value: string): BoxliteError {
  return new BoxliteError('already_exists', `a box with the ${field} "${value}" exists already`, {
    hint: field === 'name' ? 'choose another name, or remove that box first' : 'choose another id',
    details: { field, value },
  });
}
