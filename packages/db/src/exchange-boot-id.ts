import type { Connection } from './connection.js';

/** Replaces the boot id rows were last written under; leases of earlier boots go with it. */
export function exchangeBootId(connection: Connection, current: string): Promise<string | undefined> {
  return connection.write('cannot record the boot id', (to) => {
    const before = to.get('SELECT boot_id FROM alive WHERE id = 1');
    if (before?.boot_id !== current) {
      to.run('INSERT OR REPLACE INTO alive (id, boot_id, started_at) VALUES (1, ?, ?)', current, Date.now());
      to.run('DELETE FROM lease WHERE boot_id <> ?', current);
    }
    return before === undefined ? undefined : String(before.boot_id);
  });
}

/** The boot id rows were last written under. */
export function recordedBootId(connection: Connection): Promise<string | undefined> {
  return connection.read('cannot read the boot id', (from) => {
    const row = from.get('SELECT boot_id FROM alive WHERE id = 1');
    return row === undefined ? undefined : String(row.boot_id);
  });
}
