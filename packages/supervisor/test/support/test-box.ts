import { chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfinedCommand, SuperviseRequest } from '@boxlite/core';
import { fixtureVmm } from './native-build.js';

/** A box directory as the layout package makes it, and requests for it. */
export class TestBox {
  readonly dir = mkdtempSync(join(tmpdir(), 'bl-sup-'));
  readonly controlDir = join(this.dir, 'control');
  readonly agentSocket = join(this.dir, 'sockets', 'box.sock');
  readonly pidFile = join(this.dir, 'shim.pid');
  readonly exitFile = join(this.dir, 'exit');
  readonly stderrFile = join(this.dir, 'shim.stderr');
  readonly consoleFile = join(this.dir, 'logs', 'console.log');

  constructor(owner?: { readonly uid: number; readonly gid: number }) {
    for (const name of ['control', 'sockets', 'logs']) mkdirSync(join(this.dir, name), { mode: 0o700 });
    writeFileSync(this.stderrFile, '', { mode: 0o600 });
    if (owner === undefined) return;
    for (const name of ['.', 'control', 'sockets', 'logs', 'shim.stderr']) {
      chownSync(join(this.dir, name), owner.uid, owner.gid);
    }
  }

  /** A request that runs the fixture with the given steps (native/test/fixture-vmm.c). */
  request(steps: readonly string[], changes: Partial<SuperviseRequest> = {}): SuperviseRequest {
    return {
      boxId: 'testbox00001',
      command: this.command(steps),
      agentSocket: this.agentSocket,
      controlDir: this.controlDir,
      pidFile: this.pidFile,
      stderrFile: this.stderrFile,
      exitFile: this.exitFile,
      consoleFile: this.consoleFile,
      consoleMaxBytes: 1_048_576,
      detached: false,
      ...changes,
    };
  }

  command(steps: readonly string[], changes: Partial<ConfinedCommand> = {}): ConfinedCommand {
    return { binary: fixtureVmm, args: steps, env: {}, pidReport: { kind: 'self' }, ...changes };
  }

  /** The steps of a guest whose agent says hello and answers. */
  get agent(): string[] {
    return ['dial', this.agentSocket, 'hello', 'hi', 'serve'];
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}
