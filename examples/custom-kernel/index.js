import { DistributionKernel, findKernel } from './distribution-kernel.js';

/** Where the kernel's package is installed or unpacked, with `boot/` and `lib/modules/` in it. */
const root = process.env.BOXLITE_KERNEL_ROOT ?? '/';

/** @returns {import('@boxlite/core').Plugin<'kernel-source', import('@boxlite/core').KernelSource>} */
export const distributionKernelPlugin = () => ({
  kind: 'kernel-source',
  id: 'distribution',
  specificationVersion: 'v1',
  // Only for a VMM or a box that names it: others boot the kernel of BoxLite, which starts in a third of the time.
  byNameOnly: true,
  async probe() {
    const found = await findKernel(root);
    if ('release' in found) return { available: true, detail: `Linux ${found.release}` };
    return { available: false, reason: found.reason, remedy: found.remedy };
  },
  create: ({ layout }) => new DistributionKernel(root, layout.kernelsDir),
});

export default distributionKernelPlugin();
