import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentBinaryPath } from '@boxlite/guest-agent';
import { Boxlite, defaultRegistry, PluginRegistry } from '@boxlite/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure-of.js';
import { installedFiles } from '../support/home-contents.js';
import { leftoversOf } from '../support/leftovers.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

/** Offset of e_machine (ELF gABI, ELF header), and the numbers of the architectures guests run on. */
const E_MACHINE = 18;
const EM_X86_64 = 62;
const EM_AARCH64 = 183;

let home: TemporaryHome;

beforeEach(async () => {
  home = await temporaryHome();
});

afterEach(async () => {
  await home.end();
});

describe('a machine without a VMM', () => {
  it('is told each candidate with its reason and remedy by boxlite run, which gives 125', async () => {
    const env = { PATH: '/nonexistent', BOXLITE_LIBKRUN: '/nonexistent', BOXLITE_VMM: '' };
    const result = await runCli(['run', '--rm', '--', 'true'], { home: home.home, env });
    expect(result.status).toBe(125);
    expect(result.stderr).toMatch(
      /^boxlite: no vmm is available here:\n {6}libkrun: .* \(.*\)\n {6}qemu: .*qemu-system.* \(.*install.*\)\n {2}hint: /,
    );
    expect(await installedFiles(home.home)).toEqual([]);
    const listed = await runCli(['ls', '--json'], { home: home.home });
    expect(listed.stdout.toString()).toBe('[]\n');
  });

  it('is told so when no plugin is registered', async () => {
    const registry = new PluginRegistry();
    for (const kind of ['sandbox', 'disk-store', 'image-source', 'kernel-source'] as const) {
      for (const plugin of defaultRegistry().list(kind)) registry.register(plugin);
    }
    await using boxlite = await Boxlite.open({ homeDir: home.home, registry });
    const box = await boxlite.create();
    expect(await failureOf(box.start())).toMatchObject({
      code: 'plugin_none_available',
      message: expect.stringContaining('none is registered'),
      details: { kind: 'vmm', candidates: [] },
    });
    await boxlite.remove(box.id);
  });
});

describe('a guest agent', () => {
  it('built for another architecture is refused before a disk is made of it', async () => {
    const agent = await readFile(agentBinaryPath());
    const other = agent.readUInt16LE(E_MACHINE) === EM_X86_64 ? EM_AARCH64 : EM_X86_64;
    agent.writeUInt16LE(other, E_MACHINE);
    await refusesAgent(agent, other === EM_AARCH64 ? /built for arm64/ : /built for x64/);
  });

  it('that is no program is refused', () => refusesAgent(Buffer.from('#!/bin/sh\n'), /not an ELF/));

  it('that is missing is refused', () => refusesAgent(undefined, /cannot be read|does not exist/));

  async function refusesAgent(bytes: Buffer | undefined, reason: RegExp): Promise<void> {
    const agentPath = join(home.home, 'agent');
    if (bytes !== undefined) await writeFile(agentPath, bytes);
    await using boxlite = await Boxlite.open({ homeDir: home.home, agentPath });
    const box = await boxlite.create();
    const thrown = await failureOf(box.start());
    expect(thrown).toMatchObject({ code: 'agent_invalid', message: expect.stringMatching(reason) });
    expect((await installedFiles(home.home)).filter((name) => !name.startsWith('images/'))).toEqual([]);
    expect(leftoversOf(home.home).processes).toEqual([]);
    await boxlite.remove(box.id);
  }
});

describe.skipIf(process.getuid?.() !== 0)('a full disk (needs root to mount one)', () => {
  // The kernel takes 21 MiB, the guest rootfs 17 MiB, the image disk some: each size fails another stage.
  it.each([1, 2, 8, 16])('of %i MiB ends a start with disk_full, and leaves nothing half-made', async (mebibytes) => {
    const disk = await mkdtemp(join(tmpdir(), 'boxlite-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'tmpfs', disk]);
    try {
      const homeDir = join(disk, 'home');
      await using boxlite = await Boxlite.open({ homeDir });
      const box = await boxlite.create();
      const thrown = await failureOf(box.start());
      expect(thrown.code).toBe('disk_full');
      expect((await installedFiles(homeDir)).filter((name) => name.startsWith('tmp/'))).toEqual([]);
      expect(await readdir(join(homeDir, 'kernels'))).toEqual([]);
      expect(leftoversOf(homeDir).processes).toEqual([]);
      // Where not even the database had room, the record is as it was before.
      expect(['failed', 'configured']).toContain((await box.info()).status);

      await rm(join(homeDir, 'images', 'disk-images'), { recursive: true });
      await boxlite.remove(box.id);
      expect(await boxlite.list()).toEqual([]);
      await boxlite.shutdown();
      expect(leftoversOf(homeDir)).toEqual({ processes: [], links: [] });
    } finally {
      execFileSync('umount', ['--lazy', disk]);
      await rm(disk, { recursive: true });
    }
  });
});
