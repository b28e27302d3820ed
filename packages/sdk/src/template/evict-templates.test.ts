import { expect, it } from 'vitest';
import { planTemplateEviction } from './evict-templates.js';

it('takes the least recently used templates above the number, and none up to it', () => {
  const templates = [
    { key: 'b', lastUsedAt: 2 },
    { key: 'a', lastUsedAt: 1 },
    { key: 'c', lastUsedAt: 3 },
  ];
  expect(planTemplateEviction(templates, 3)).toEqual([]);
  expect(planTemplateEviction(templates, 1)).toEqual(['a', 'b']);
});

it('keeps the template of a shape as long as one of its images is used: its next image begins with it', () => {
  const templates = [
    { key: 'shape', lastUsedAt: 1 },
    { key: 'old image', lastUsedAt: 2, shape: 'shape' },
    { key: 'other', lastUsedAt: 3 },
    { key: 'image', lastUsedAt: 4, shape: 'shape' },
  ];
  expect(planTemplateEviction(templates, 3)).toEqual(['old image']);
  expect(planTemplateEviction(templates, 1)).toEqual(['old image', 'other', 'image']);
});
