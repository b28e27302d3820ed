import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { GuestRootfsManager, type GuestRootfsManagerOptions } from '../../src/index.js';
import { MemoryBaseDisks, type MemoryLeases } from './memory-stores.js';
import { createTestHome, type TestHome } from './test-home.js';

/** Starts as an ELF for x86-64; what follows tells versions apart. */
export function fakeAgent(version: string): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write('\x7fELF', 'latin1');
  bytes.set([2, 1], 4);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.write(version, 64);
  return bytes;
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A home with an agent, stores in memory, and overlays that are text files naming what they are backed by. */
export class GuestHome {
  readonly baseDisks = new MemoryBaseDisks();
  readonly reports: string[] = [];
  readonly leases: MemoryLeases;
  readonly agentPath: string;

  private constructor(readonly home: TestHome) {
    this.leases = home.leases;
    this.agentPath = join(home.directory, 'agent');
  }

  static async create(): Promise<GuestHome> {
    const guest = new GuestHome(await createTestHome());
    await guest.setAgent('one');
    return guest;
  }

  async setAgent(version: string): Promise<string> {
    await writeFile(this.agentPath, fakeAgent(version));
    return sha256(fakeAgent(version));
  }

  manager(options: Partial<GuestRootfsManagerOptions> = {}): GuestRootfsManager {
    return new GuestRootfsManager({
      ...this.home,
      baseDisks: this.baseDisks,
      diskStore: { backingPath: readTextOverlay },
      agentPath: this.agentPath,
      architecture: 'x64',
      report: (what) => this.reports.push(what),
      now: () => 1_700_000_000_999,
      ...options,
    });
  }

  async addOverlay(box: string, backing: string, name = 'disk.qcow2'): Promise<string> {
    const disks = join(this.home.boxesDir, box, 'disks');
    await mkdir(disks, { recursive: true });
    await writeFile(join(disks, name), `backing=${backing}`);
    return join(disks, name);
  }
}

export async function readTextOverlay(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8');
  if (!text.startsWith('backing=')) throw new BoxliteError('disk_invalid', `${path} is no overlay`);
  return text.slice('backing='.length) || undefined;
}
