export { APPLICATION_ID } from './application-id.js';
export { SCHEMA_VERSION } from './migrations/index.js';
export { openStateStore, type StateStoreOptions } from './open-state-store.js';
