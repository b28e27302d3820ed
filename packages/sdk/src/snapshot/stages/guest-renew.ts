import type { Stage } from '../../init/pipeline.js';
import { hostnameOf, mergeEnv } from '../../init/stages/guest-init.js';
import { required, type StartContext } from '../../init/start-context.js';
import { reportingVmmEnd } from '../../init/vmm-ended.js';

/**
 * Makes a guest that goes on this box: entropy, clock, host name, boot id and the environment of commands to come are its own before any process of the
 * container runs on. The environment is the options' and what the embedding program gives, never what the captured one had.
 */
export const guestRenew: Stage<StartContext> = {
  name: 'guest-renew',
  async run(context) {
    const { options, signal } = context;
    const { config } = required(context, 'image');
    const given = await required(context, 'resume').renewedEnv();
    const renewal = {
      hostname: options.hostname ?? hostnameOf(options.name),
      env: mergeEnv(config.env, { ...options.env, ...given }),
      cwd: options.workingDir ?? config.workingDir,
      user: options.user ?? config.user,
    };
    await reportingVmmEnd(context, () => required(context, 'agent').renew(renewal, signal));
  },
};
