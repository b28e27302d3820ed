import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CLI } from './run-cli.js';
import { VMM_ENVIRONMENT } from './vmm-under-test.js';

const RELAY = fileURLToPath(new URL('./pty-relay.py', import.meta.url));

/** How a command on a terminal ended. */
export interface TerminalEnd {
  readonly status: number;
  /** Whether the terminal's modes are what they were before: a raw terminal left behind is unusable. */
  readonly restored: boolean;
  /** Everything that was shown. */
  readonly shown: string;
}

/** `boxlite` as a person at a terminal has it. */
export interface TerminalSession {
  /** Resolves when `text` has been shown after what earlier calls waited for. Rejects when the command ends first. */
  shows(text: string): Promise<void>;
  type(text: string): void;
  resize(rows: number, columns: number): void;
  readonly ended: Promise<TerminalEnd>;
}

/** Runs the built `boxlite` on a real pseudo terminal (by python3) of the given size. */
export function cliOnTerminal(
  args: readonly string[],
  { home, rows = 24, columns = 80 }: { readonly home: string; readonly rows?: number; readonly columns?: number },
): TerminalSession {
  const child = spawn('python3', [RELAY, String(rows), String(columns), process.execPath, CLI, ...args], {
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: home, BOXLITE_HOME: home, TERM: 'xterm', ...VMM_ENVIRONMENT },
  });
  let shown = '';
  let seen = 0;
  let report = '';
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of listeners) listener();
  };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
    changed();
  });
  child.stdio[3]?.on('data', (chunk: Buffer) => {
    report += chunk.toString();
  });
  let over = false;
  const ended = new Promise<TerminalEnd>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      over = true;
      changed();
      if (report === '') reject(new Error(`the terminal is lost; shown: ${shown}`));
      else resolve({ ...(JSON.parse(report) as { status: number; restored: boolean }), shown });
    });
  });
  const order = (value: object) => void child.stdin?.write(`${JSON.stringify(value)}\n`);
  return {
    shows: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const at = shown.indexOf(text, seen);
          if (at === -1 && !over) return;
          listeners.delete(look);
          if (at === -1) return reject(new Error(`the terminal never showed ${JSON.stringify(text)} in: ${shown}`));
          seen = at + text.length;
          resolve();
        };
        listeners.add(look);
        look();
      }),
    type: (text) => order({ write: text }),
    resize: (rows, columns) => order({ resize: [rows, columns] }),
    ended,
  };
}
