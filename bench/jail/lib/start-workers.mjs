import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('start-worker.mjs', import.meta.url));
/** `nobody` of every common distribution. */
const ORDINARY = { uid: 65534, gid: 65534 };

/**
 * Runs an action with one process for each user that starts boxes: root and an ordinary one, or only who we are.
 * @param probe path of the program, which everybody may run
 * @param action is given the names of the users, and `ask(user, request)`, which resolves with what start-worker.mjs answers
 */
export async function withStartWorkers(probe, action) {
  const users = process.getuid() === 0 ? { root: {}, ordinary: ORDINARY } : { ordinary: {} };
  const workers = new Map();
  try {
    for (const [name, ids] of Object.entries(users)) workers.set(name, await startWorker(probe, ids));
    return await action({ users: [...workers.keys()], ask: (user, request) => workers.get(user).ask(request) });
  } finally {
    await Promise.all([...workers.values()].map((worker) => worker.end()));
  }
}

async function startWorker(probe, ids) {
  const child = fork(PROGRAM, [probe], { ...ids, env: { ...process.env, HOME: '/nonexistent' } });
  const exited = once(child, 'exit');
  const ended = exited.then(([status, signal]) => {
    throw new Error(`the process that starts boxes ended (${signal ?? status})`);
  });
  ended.catch(() => undefined); // Told to whoever waits for an answer.
  const answer = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended]);
    if (message.error !== undefined) throw new Error(`a start failed: ${message.error}`);
    return message;
  };
  await answer();
  return {
    ask(request) {
      child.send(request);
      return answer();
    },
    async end() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
