import type { DeviceAccess, Hypervisor, KvmFacts } from './kvm-facts.js';

/** What to do without the hardware. */
export const WITHOUT_KVM = 'use QEMU without KVM (accelerator "tcg"): it needs no hardware';

/** How a container gets the device of its host. */
export const GIVE_DEVICE =
  'start the container with the device: "docker run --device /dev/kvm", "podman run --device /dev/kvm --group-add keep-groups"; ' +
  'Kubernetes: a device plugin for /dev/kvm, or a privileged pod with it as a hostPath volume';

/** Kernel module that drives this processor's virtualisation. Hygon's processors are AMD's design, Zhaoxin's are Centaur's with Intel's. */
export function moduleOf(vendor: string): 'kvm_intel' | 'kvm_amd' {
  return /amd|hygon/i.test(vendor) ? 'kvm_amd' : 'kvm_intel';
}

/** @param vendor of `/proc/cpuinfo` */
export function loadModule(vendor: string, isContainer: boolean): string {
  const name = moduleOf(vendor);
  const where = isContainer ? "on the container's host " : '';
  return (
    `${where}run "sudo modprobe ${name}", and for every boot "echo ${name} | sudo tee /etc/modules-load.d/kvm.conf"; ` +
    'if it says "Operation not supported", virtualisation is off in the firmware set-up'
  );
}

/** A kernel built without the module, as those of some clouds are. */
export const INSTALL_KERNEL =
  'install and boot a kernel that has it (Debian: linux-image-amd64; Ubuntu: linux-modules-extra-$(uname -r); Fedora: kernel-modules)';

/** What the setting is called in the set-up of most makers. */
export function enableInFirmware(vendor: string): string {
  const setting =
    moduleOf(vendor) === 'kvm_amd'
      ? '"SVM Mode" (also "AMD-V", "Secure Virtual Machine"; often under Advanced, CPU or Overclocking)'
      : '"Intel Virtualization Technology" (also "VT-x", "VMX"; often under Advanced or CPU)';
  return `enable ${setting} in the firmware set-up and switch the machine off and on, or ${WITHOUT_KVM}`;
}

/** How a user comes to be allowed to open the device. */
export function allowUser({ deviceAccess, isContainer }: Pick<KvmFacts, 'deviceAccess' | 'isContainer'>): string {
  if (isContainer) return `${GIVE_DEVICE}; Docker also: --group-add "$(stat -c %g /dev/kvm)" of the host`;
  const atOnce = 'at once, until the next boot: "sudo setfacl -m u:$USER:rw /dev/kvm"';
  const { group, groupMayUse, userIsListed } = deviceAccess ?? NO_ACCESS;
  if (!groupMayUse || group === undefined || group === 'root') {
    const rule = `'KERNEL=="kvm", GROUP="kvm", MODE="0660"'`;
    return (
      `give the device to a group: "sudo groupadd -f -r kvm", "echo ${rule} | sudo tee /etc/udev/rules.d/65-kvm.rules", ` +
      `"sudo udevadm control --reload", "sudo udevadm trigger /dev/kvm", "sudo usermod -aG kvm $USER", and log in again; ${atOnce}`
    );
  }
  if (userIsListed) return `log in again: the membership in group ${group} starts with a login; ${atOnce}`;
  return `run "sudo usermod -aG ${group} $USER" and log in again; ${atOnce}`;
}

const NO_ACCESS: DeviceAccess = { group: undefined, groupMayUse: false, userIsListed: false };

/** How nested virtualisation is switched on, outside the virtual machine. */
export function enableNested(hypervisor: Hypervisor, vendor: string): string {
  return `${NESTED[hypervisor](moduleOf(vendor))}; or ${WITHOUT_KVM}`;
}

const NESTED: Readonly<Record<Hypervisor, (module: string) => string>> = {
  kvm: (module) =>
    `on the machine that runs this one, "cat /sys/module/${module}/parameters/nested" must say 1 or Y: ` +
    `"echo options ${module} nested=1 | sudo tee /etc/modprobe.d/kvm-nested.conf", stop its virtual machines, ` +
    `"sudo modprobe -r ${module} && sudo modprobe ${module}"; then give this one the host's processor (libvirt: cpu mode ` +
    '"host-passthrough"; QEMU: -cpu host). At a cloud: an instance type with nested virtualisation, or bare metal',
  vmware: () =>
    'switch this machine off, enable "Expose hardware assisted virtualization to the guest OS" in its processor settings (vhv.enable = "TRUE")',
  virtualbox: () => 'switch this machine off and run "VBoxManage modifyvm NAME --nested-hw-virt on" on its host',
  'hyper-v': () =>
    'switch this machine off and run "Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true" on its host',
  wsl: () =>
    'put "nestedVirtualization=true" under [wsl2] in %UserProfile%\\.wslconfig and run "wsl --shutdown" in Windows (Windows 11)',
  xen: () => 'set "nestedhvm=1" in the configuration of this machine on its host',
  parallels: () => 'enable "nested virtualization" in the processor settings of this machine',
  apple: () =>
    'nested virtualisation needs an M3 or later, macOS 15 or later, and a virtual machine made with it enabled',
  aws: () => 'use a bare-metal instance type (its name ends in ".metal") or one that offers nested virtualisation',
  google: () => 'make the instance with "--enable-nested-virtualization" (not every machine series has it)',
  azure: () => 'use a size that offers nested virtualisation (such as Dsv5 or Esv5) with security type "Standard"',
  other: () =>
    'enable nested virtualisation for this machine in its hypervisor (cloud: an instance type that has it, or bare metal)',
};
