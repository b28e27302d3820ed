import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { parseExitRecord } from '../src/index.js';
import { encodeLaunchConfig } from '../src/launch-config.js';
import { buildNative, nativeDir } from './support/native-build.js';
import { TestBox } from './support/test-box.js';

beforeAll(() => buildNative('sanitized'));

/** A request with every kind of record in it. */
function everything(box: TestBox): Uint8Array {
  return encodeLaunchConfig(
    box.request([], {
      command: box.command(['-m', '128M'], {
        env: { LANG: 'C' },
        pidReport: { kind: 'bubblewrap', infoFd: 11, blockFd: 12 },
        dataFds: [{ fd: 13, data: Buffer.from([0, 1, 2, 255]) }],
        cgroupDir: '/sys/fs/cgroup/boxlite',
        rlimits: { maxOpenFiles: 1, maxFileSize: 2, maxMemory: 4, maxCpuTime: 5 },
      }),
      stdin: Buffer.from('config'),
      listeners: [{ fd: 20, path: '/run/qmp.sock' }],
      files: [{ fd: 21, path: '/srv/state' }],
      detached: true,
    }),
  );
}

it.each([1, 2, 3])(
  'the parsers hold under the sanitizers, and every exit record is JSON safe to print (seed %d)',
  (seed) => {
    const box = new TestBox();
    const file = `${box.dir}/config`;
    writeFileSync(file, everything(box));
    // A broken parser aborts, with the sanitizer's report on stderr.
    const printed = execFileSync(`${nativeDir}build/parsers-sanitized`, [String(seed), '4000', file], {
      encoding: 'utf8',
    });
    const lines = printed.trimEnd().split('\n');
    expect(lines).toHaveLength(200);
    for (const line of lines) {
      expect(parseExitRecord(line), line).toBeDefined();
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/);
    }
    box.remove();
  },
);
