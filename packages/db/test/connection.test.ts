import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Connection } from '../src/connection.js';
import { openDatabase } from '../src/open-database.js';
import { temporaryDirectory } from './temporary-directory.js';

const [NORMAL, FULL] = [1, 2];

describe('a commit', () => {
  it('is synced to the disk, unless what it writes is void after a power cut anyway', async () => {
    const file = join(await temporaryDirectory(), 'boxlite.db');
    const database = await openDatabase({ file, busyTimeoutMs: 50, retryBoundMs: 1000 });
    onTestFinished(() => void database.close());
    const connection = new Connection(database, file, 1000);
    const level = () => database.pragma('synchronous', { simple: true });
    expect(await connection.write('a box', level)).toBe(FULL);
    expect(await connection.write('a lease', level, { durable: false })).toBe(NORMAL);
    expect(await connection.write('a box', level)).toBe(FULL);
    const refuse = () => {
      throw new Error('held');
    };
    await expect(connection.write('a lease', refuse, { durable: false })).rejects.toThrow('held');
    expect(await connection.write('a box', level)).toBe(FULL);
  });
});
