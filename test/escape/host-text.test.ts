import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Boxlite, BoxliteError } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTable } from '../../packages/cli/src/commands/list.js';
import { formatJson } from '../../packages/cli/src/output/format-json.js';
import { formatError } from '../../packages/cli/src/output/print-error.js';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { openWithTakenOverVmm } from './host/taken-over-vmm.js';

/** Everything a terminal obeys, or shows as something else: C0, C1, DEL, marks that turn text around, other ends of a line. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
/** Clears the screen, sets the title, asks the terminal to answer, a hyperlink, the same in C1 (as UTF-8), turned text, a line of ours. */
const HOSTILE = [
  'boxlite: all is well\n  hint: run this as root\n',
  '\u001b[2J\u001b[H\u001b]0;title\u0007\u001b[6n',
  '\u001b]8;;https://example.com\u001b\\click\u001b]8;;\u001b\\',
  '\u009b31m\u0090q\u009c\u202egnp.exe\u2066\u061c\u2028\r',
].join('');

let home: TemporaryHome;
let boxlite: Boxlite;
let work: string;

beforeAll(async () => {
  home = await temporaryHome();
  work = mkdtempSync(join(tmpdir(), 'boxlite-text-'));
  writeFileSync(join(work, 'hostile'), HOSTILE);
  const script = `/bin/busybox cat ${work}/hostile; /bin/busybox cat ${work}/hostile >&2; exit 5`;
  boxlite = await openWithTakenOverVmm(home.home, () => ({ script, boots: false, programs: [join(work, 'hostile')] }));
});
afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
  rmSync(work, { recursive: true, force: true });
});

/** What a person is shown: no control character, and no line at the margin that is not ours. */
function expectHarmless(text: string): void {
  expect(text).not.toMatch(OBEYED);
  expect(text.split('\n').filter((line) => /^(boxlite: all is well| {2}hint: run this)/.test(line))).toEqual([]);
}

describe('control characters are escaped before a person sees them', () => {
  it(
    'of a VMM that writes them to its stderr and to the console: in the error, the record, inspect and the table',
    async () => {
      const box = await boxlite.create({ vmm: 'taken-over', memoryMib: 160 });
      const failure = await box.start().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(failure).toSatisfy(BoxliteError.isInstance);
      for (const json of [true, false]) expectHarmless(formatError(failure, { json, debug: true }));
      expect(formatError(failure, { json: false, debug: false })).toContain('\\x1b[2J');
      const info = await box.info();
      expect(info).toMatchObject({ status: 'failed', errorReason: expect.stringContaining('\\x1b[2J') });
      expectHarmless(formatJson(info));
      expectHarmless(listTable([info], Date.now()));
      // Its lines are those of the console, on stdout, and nothing in them is obeyed.
      const logs = (await runCli(['logs', box.id], { home: home.home })).stdout.toString();
      expect(logs).toContain('\\x1b[2J');
      expect(logs).not.toMatch(OBEYED);
      // The files keep what was said: escaping is for those who look at it.
      expect(readFileSync(join(home.home, 'boxes', box.id, 'logs/console.log'), 'utf8')).toContain('\u001b[2J');
      const record = readFileSync(join(home.home, 'boxes', box.id, 'exit'), 'utf8');
      expect(record).not.toMatch(OBEYED);

      for (const words of [['ls'], ['ls', '--json'], ['ls', '-q'], ['inspect', box.id], ['system', 'df', '-v']]) {
        const { stdout, stderr } = await runCli(words, { home: home.home });
        expectHarmless(`${stdout}${stderr}`);
      }
      await boxlite.remove(box.id, { force: true });
    },
    patience(120_000),
  );

  it(
    'of names of images and paths, in every command that prints them',
    async () => {
      const name = `${work}/a\u001b[2J\u009b31m\u202e\nboxlite: all is well`;
      mkdirSync(name);
      for (const words of [
        ['run', '--rm', `oci:${name}`, 'true'],
        ['image', 'inspect', `oci:${name}`],
        ['create', '--name', 'x', '-v', `${name}:/v`, `oci:${name}`],
        ['images', '-q'],
        ['images', '--json'],
        ['inspect', name],
        ['rm', name],
        ['pull', name],
        ['exec', name, 'true'],
      ]) {
        const { stdout, stderr } = await runCli(words, { home: home.home });
        expectHarmless(`${stdout}${stderr}`);
      }
    },
    patience(120_000),
  );
});
