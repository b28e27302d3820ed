import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { withBox } from './support/with-box.js';

const fixture = withBox();

it('waits for the last processes of a box whose supervisor was killed, which still listen, instead of failing', async () => {
  const path = join(fixture.box.controlDir, 'qmp.sock');
  const source = `
    require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'));
    process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();`;
  const predecessor = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(predecessor, 'exit');
  await once(predecessor.stdout, 'data');
  const launched = fixture.launch(fixture.box.agent, { listeners: [{ fd: 10, path }] });
  predecessor.stdin.end();
  const vm = await launched;
  expect(await exited).toEqual([null, 'SIGKILL']);
  expect(vm.welcome.vmm.pid).toBeGreaterThan(0);
});
