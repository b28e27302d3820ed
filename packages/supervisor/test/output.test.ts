import { existsSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gone } from './support/processes.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();

describe('console.log', () => {
  it('is capped, and one rotation of it is kept', async () => {
    const vm = await fixture.launch(['out', 'the beginning', 'flood', '300000', 'out', 'the end'], {
      consoleMaxBytes: 100_000,
    });
    expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
    const { consoleFile } = fixture.box;
    expect(statSync(consoleFile).size).toBeLessThanOrEqual(100_000);
    expect(statSync(`${consoleFile}.1`).size).toBe(100_000);
    expect(statSync(consoleFile).mode & 0o777).toBe(0o600);
    expect(existsSync(`${consoleFile}.2`)).toBe(false);
    expect(fixture.box.read(consoleFile).endsWith('the end\n')).toBe(true);
  });

  it('loses no byte between the two files', async () => {
    const vm = await fixture.launch(['flood', '63000'], { consoleMaxBytes: 40_000 });
    await vm.wait();
    const { consoleFile } = fixture.box;
    const whole = fixture.box.read(`${consoleFile}.1`) + fixture.box.read(consoleFile);
    expect(whole).toBe('0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnop\n'.repeat(1000));
  });

  it('is appended to by the next start', async () => {
    await (await fixture.launch(['out', 'one'])).wait();
    const second = await fixture.launch(['out', 'two']);
    await second.wait();
    expect(fixture.box.read(fixture.box.consoleFile)).toBe('one\ntwo\n');
  });

  it('endless output neither fills the disk nor delays a stop', async () => {
    const vm = await fixture.launch(['flood', '1000000000000'], { consoleMaxBytes: 65_536 });
    expect(await vm.stop(100)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(statSync(fixture.box.consoleFile).size).toBeLessThanOrEqual(65_536);
  });

  it('that is a symbolic link or has a second name is refused', async () => {
    writeFileSync(`${fixture.box.dir}/precious`, 'keep me');
    symlinkSync(`${fixture.box.dir}/precious`, fixture.box.consoleFile);
    await expect(fixture.launch(['out', 'x'])).rejects.toMatchObject({
      code: 'supervisor_failed',
      details: { step: 'console', errnoName: 'ELOOP' },
    });
    unlinkSync(fixture.box.consoleFile);
    expect(fixture.box.read(`${fixture.box.dir}/precious`)).toBe('keep me');
  });
});

describe('shim.stderr', () => {
  it('holds the stderr of this VMM alone, at most 1 MiB', async () => {
    writeFileSync(fixture.box.stderrFile, 'of an earlier VMM\n');
    const vm = await fixture.launch(['err', 'mine', 'flood-errors', '2000000', 'exit', '0']);
    await vm.wait();
    const text = fixture.box.read(fixture.box.stderrFile);
    expect(text.startsWith('mine\n')).toBe(true);
    expect(text.length).toBe(1_048_576);
    await gone(vm.welcome.supervisor.pid);
  });
});
