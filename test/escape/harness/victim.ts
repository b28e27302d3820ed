import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';

/** A process of the same user that tells what is done to it (native/src/victim.c). */
export class Victim {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(program: string, cwd: string, environment: Readonly<Record<string, string>>) {
    this.#child = spawn(program, [], { cwd, env: { ...environment }, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#reader = createInterface({ input: this.#child.stdout as NonNullable<ChildProcess['stdout']> });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** One line of words, one line of answer. */
  async ask(line: string): Promise<readonly string[]> {
    this.#child.stdin?.write(`${line}\n`);
    const answer = await this.#lines.next();
    if (answer.done === true) throw new Error(`the victim has ended before it answered ${line.split(' ', 1)[0]}`);
    return answer.value.split(' ');
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await ended;
    this.#reader.close();
  }
}
