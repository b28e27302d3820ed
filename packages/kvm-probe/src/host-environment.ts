import type { Hypervisor } from './kvm-facts.js';

/** Names a machine gives itself: SMBIOS fields (`/sys/class/dmi/id`), `/sys/hypervisor/type` and `/proc/version`. Empty where there are none. */
export interface MachineNames {
  readonly sysVendor: string;
  readonly productName: string;
  /** Of the chassis; the same on all of Azure's machines. */
  readonly assetTag: string;
  readonly xenType: string;
  readonly kernelVersion: string;
}

/** learn.microsoft.com, "Azure Instance Metadata Service": how to tell a machine of Azure from another of Hyper-V. */
const AZURE_ASSET_TAG = '7783-7084-3265-9085-8269-3286-77';

const WSL_KERNEL = /-microsoft-(standard|WSL)/i;

/** In this order: a cloud's machine also has the marks of the hypervisor under it, and the cloud's advice is the one that helps. */
const SIGNS: readonly (readonly [Hypervisor, RegExp])[] = [
  ['aws', /amazon ec2/i],
  ['google', /google compute engine|^google /i],
  ['vmware', /vmware/i],
  ['virtualbox', /innotek|virtualbox/i],
  ['parallels', /parallels/i],
  ['apple', /apple virtualization/i],
  ['xen', /\bxen\b/i],
  ['kvm', /qemu|\bkvm\b|red hat|openstack|digitalocean|hetzner|scaleway|linode|vultr|upcloud|exoscale/i],
];

/** The virtual machine's maker, by the names it gives itself; `other` when they say nothing known. */
export function hypervisorOf(names: MachineNames): Hypervisor {
  const { sysVendor, productName, assetTag, xenType, kernelVersion } = names;
  const text = `${sysVendor} ${productName} ${xenType}`.trim();
  if (WSL_KERNEL.test(kernelVersion)) return 'wsl';
  if (/microsoft corporation/i.test(sysVendor)) return assetTag.trim() === AZURE_ASSET_TAG ? 'azure' : 'hyper-v';
  return SIGNS.find(([, sign]) => sign.test(text))?.[0] ?? 'other';
}

/** Marks that container engines leave. */
export interface ContainerMarks {
  readonly dockerenv: boolean;
  readonly containerenv: boolean;
  /** `/run/systemd/container`. */
  readonly systemdContainer: string;
  /** `/proc/1/cgroup`. */
  readonly initCgroup: string;
}

/** True in a container of Docker, Podman, Kubernetes, LXC or systemd-nspawn. */
export function isContainer({ dockerenv, containerenv, systemdContainer, initCgroup }: ContainerMarks): boolean {
  if (dockerenv || containerenv) return true;
  if (systemdContainer.trim() !== '' && systemdContainer.trim() !== 'wsl') return true;
  return /docker|kubepods|containerd|libpod|\/lxc/.test(initCgroup);
}
