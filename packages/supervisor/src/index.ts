export { createSupervisor, type SupervisorOptions } from './create-supervisor.js';
export { parseExitRecord } from './exit-record.js';
export { type PidRecord, parsePidRecord } from './pid-record.js';
export { supervisorBinaryPath } from './supervisor-binary-path.js';
