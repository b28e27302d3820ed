import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { encodeLaunchConfig } from '../src/launch-config.js';
import { supervisorBinary } from './support/native-build.js';
import { processesWith } from './support/processes.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();

it('ends a VM, also of a detached box, whose launcher died before it heard of it', async () => {
  const child = spawn(supervisorBinary, [], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', 'ignore', 'pipe'],
  });
  child.stdout!.destroy();
  child.stdin!.end(encodeLaunchConfig(fixture.box.request(fixture.box.agent, { detached: true })));
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(processesWith(fixture.box.dir)).toEqual([]);
  expect(existsSync(fixture.box.pidFile)).toBe(false);
});
