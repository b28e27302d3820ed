import { describe, expect, it } from 'vitest';
import { hypervisorOf, isContainer } from './host-environment.js';

const unnamed = {
  sysVendor: '',
  productName: '',
  assetTag: '',
  xenType: '',
  kernelVersion: 'Linux version 6.1.0-28-amd64',
};

describe('hypervisorOf', () => {
  it.each([
    ['kvm', { sysVendor: 'QEMU', productName: 'Standard PC (Q35 + ICH9, 2009)' }],
    ['kvm', { sysVendor: 'DigitalOcean', productName: 'Droplet' }],
    ['aws', { sysVendor: 'Amazon EC2', productName: 'c5.large' }],
    ['aws', { sysVendor: 'Xen', productName: 'Amazon EC2 t2.micro', xenType: 'xen' }],
    ['google', { sysVendor: 'Google', productName: 'Google Compute Engine' }],
    ['vmware', { sysVendor: 'VMware, Inc.', productName: 'VMware20,1' }],
    ['virtualbox', { sysVendor: 'innotek GmbH', productName: 'VirtualBox' }],
    ['hyper-v', { sysVendor: 'Microsoft Corporation', productName: 'Virtual Machine' }],
    [
      'azure',
      {
        sysVendor: 'Microsoft Corporation',
        productName: 'Virtual Machine',
        assetTag: '7783-7084-3265-9085-8269-3286-77\n',
      },
    ],
    ['wsl', { kernelVersion: 'Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f)' }],
    ['xen', { xenType: 'xen\n' }],
    ['parallels', { sysVendor: 'Parallels International GmbH.', productName: 'Parallels ARM Virtual Machine' }],
    ['apple', { sysVendor: 'Apple Inc.', productName: 'Apple Virtualization Generic Platform' }],
    ['other', { sysVendor: 'Dell Inc.', productName: 'PowerEdge' }],
    ['other', {}],
  ])('knows %s by its names %j', (hypervisor, names) => {
    expect(hypervisorOf({ ...unnamed, ...names })).toBe(hypervisor);
  });
});

describe('isContainer', () => {
  const none = { dockerenv: false, containerenv: false, systemdContainer: '', initCgroup: '0::/init.scope\n' };

  it('knows the marks of the usual engines, and takes a plain host for none', () => {
    expect(isContainer(none)).toBe(false);
    expect(isContainer({ ...none, dockerenv: true })).toBe(true);
    expect(isContainer({ ...none, containerenv: true })).toBe(true);
    expect(isContainer({ ...none, systemdContainer: 'systemd-nspawn\n' })).toBe(true);
    expect(isContainer({ ...none, systemdContainer: 'wsl\n' })).toBe(false);
    expect(isContainer({ ...none, initCgroup: '0::/kubepods/pod1/abc\n' })).toBe(true);
  });
});
