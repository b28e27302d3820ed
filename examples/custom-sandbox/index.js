import { unshareSandbox } from './unshare-sandbox.js';

/** @returns {import('@boxlite/core').Plugin<'sandbox', import('@boxlite/core').Sandbox>} */
export const unsharePlugin = () => ({
  kind: 'sandbox',
  id: 'unshare',
  specificationVersion: 'v1',
  async probe() {
    const { available, reason = '', remedy = '' } = await unshareSandbox().isAvailable();
    return available ? { available } : { available, reason, remedy };
  },
  create: () => unshareSandbox(),
});

export default unsharePlugin();
