import { createInterface } from 'node:readline/promises';

/**
 * Asks a question on the terminal; anything but a yes, the end of the input included, is a no.
 * @throws BoxliteError `aborted`, whatever the signal says
 */
export async function askYesNo(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // In raw mode Ctrl-C is a key; outside of it the process gets the signal. readline knows both and tells only itself.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    terminal.close();
  }
}
