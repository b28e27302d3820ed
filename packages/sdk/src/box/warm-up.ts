import { BoxliteError } from '@boxlite/core';
import type { AgentClient } from '@boxlite/guest-agent';
import { parseExecOptions } from '../exec/exec-options.js';
import { collect } from '../exec/execution.js';
import { startExecution } from '../exec/start-execution.js';

const COMMAND = 'true';
/** Where the machine goes on from a template of its image the process of the first command is there already: it is the second that has to be made. */
const RUNS = 2;

/** Runs the image's `true`, if it has one: a first command pays for code, caches and disk blocks nobody has touched yet. */
export async function warmUp(agent: AgentClient, signal: AbortSignal | undefined): Promise<void> {
  try {
    for (let run = 0; run < RUNS; run++) {
      const execution = await startExecution(agent, [COMMAND], parseExecOptions({ stdin: false }), signal);
      await collect(execution, { signal });
    }
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'command_not_found')) throw thrown;
  }
}
