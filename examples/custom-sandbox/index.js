import { unshareSandbox } from './unshare-sandbox.js';

const sandbox = unshareSandbox();

/** @type {import('@boxlite/core').Plugin<'sandbox', import('@boxlite/core').Sandbox>} */
export default {
  kind: 'sandbox',
  id: 'unshare',
  specificationVersion: 'v1',
  async probe() {
    const { available, reason = '', remedy = '' } = await sandbox.isAvailable();
    return available ? { available } : { available, reason, remedy };
  },
  create: () => sandbox,
};
