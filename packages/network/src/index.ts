export type { NetworkOptions, NetworkPolicy, NetworkSecret, PublishedPort } from './network-options.js';
