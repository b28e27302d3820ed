/** The KVM self-test of the built package: the answer a user of BoxLite gets on this machine. */
export async function selfTest() {
  const { createKvmProbe } = await import('../../packages/kvm-probe/dist/index.js');
  return createKvmProbe().kvm();
}
