import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('participant.mjs', import.meta.url));
/** For one request. Several boxes of the slowest participant take a tenth of it on a loaded machine; a first start in an emulated host on one takes most. */
const ANSWER_TIMEOUT_MS = 600_000;

/**
 * Starts a participant as a process that lives as long as the comparison, so that neither Node's start nor loading a library is counted.
 * @param options.adapter path of the module that speaks to the product, see `participants/`
 * @param options.settings what the module's `open` is given
 * @param options.execPath Node.js of the participant
 * @param options.answerTimeoutMs for one request, default ten minutes
 * @param options.profile directory for a CPU profile of the participant's whole life; default none
 * @returns `pid`, `ask(operation, parameters)`, `close`, and what `open` said of the product
 */
export async function startParticipant({
  name,
  adapter,
  settings,
  execPath = process.execPath,
  env = {},
  profile,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
}) {
  const child = fork(PROGRAM, [adapter], {
    execPath,
    execArgv: ['--expose-gc', ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])],
    env: { ...process.env, ...env },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const waiting = new Map();
  let lastId = 0;
  let ended;
  const fail = (cause) => {
    ended ??= cause;
    for (const { reject } of waiting.values()) reject(cause);
    waiting.clear();
  };
  child.on('message', ({ id, result, error }) => {
    const request = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) request?.resolve(result);
    else request?.reject(new Error(`${name}: ${error}`));
  });
  child.on('exit', (status, signal) => fail(new Error(`${name} ended early: ${signal ?? `status ${status}`}`)));
  child.on('error', fail);

  const ask = (operation, parameters) => {
    if (ended !== undefined) return Promise.reject(ended);
    lastId += 1;
    const id = lastId;
    const answer = new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      child.send({ id, operation, parameters });
    });
    const timer = setTimeout(() => fail(new Error(`${name}: no answer to ${operation}`)), answerTimeoutMs);
    return answer.finally(() => clearTimeout(timer));
  };
  try {
    const about = await ask('open', settings);
    return {
      name,
      pid: child.pid,
      about,
      ask,
      async close() {
        if (ended === undefined) await ask('close');
        else child.kill('SIGKILL');
        if (child.connected) child.disconnect();
      },
    };
  } catch (thrown) {
    child.kill('SIGKILL');
    throw thrown;
  }
}
