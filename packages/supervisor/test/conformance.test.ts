import { guestChannelConformance, runConformance, supervisorConformance } from '@boxlite/core/testing';
import { beforeAll, describe, it } from 'vitest';
import { buildNative } from './support/native-build.js';
import { guestChannelSetup, supervisorSetup } from './support/supervisor-setups.js';

beforeAll(() => buildNative('all', 'fixtures'));

describe('the supervisor', () => runConformance(supervisorConformance(supervisorSetup()), it));

describe('the channel to the guest', () => runConformance(guestChannelConformance(guestChannelSetup()), it));
