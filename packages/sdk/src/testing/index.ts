export { createVmTestHome, type VmTestHome, type VmTestHomeOptions } from './vm-test-home.js';
