import { problemAnswer, type Operation } from './openapi.js';

const SERVICE = 'Service';
const TEXT = { 'text/plain': { type: 'string' } } as const;

/** What the service answers besides reports and jobs. */
export const SERVICE_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/webhooks/intercom',
    id: 'receiveWebhook',
    tag: 'Webhooks',
    summary: "Takes one of Intercom's signed notifications",
    description: '200 means that it is on disk.',
    isOpen: true,
    parameters: [
      {
        name: 'X-Hub-Signature',
        in: 'header',
        required: true,
        description: 'sha1=<HMAC-SHA1 of the body with the client secret of the app, in hex>',
        schema: { type: 'string' },
      },
    ],
    body: { 'application/json': { type: 'object' } },
    answers: {
      200: { description: 'Stored, known already, or of a topic that nothing depends on' },
      401: problemAnswer('The signature is missing or wrong'),
      413: problemAnswer('Too large'),
      415: problemAnswer('Not JSON'),
      503: problemAnswer('It could not be stored, or too many long ones come at once: send it again'),
    },
  },
  {
    method: 'get',
    path: '/webhooks/intercom',
    id: 'checkWebhook',
    tag: 'Webhooks',
    summary: 'Says that webhooks are received here',
    isOpen: true,
    answers: { 200: { description: 'The address is right', content: TEXT } },
  },
  {
    method: 'get',
    path: '/healthz',
    id: 'isAlive',
    tag: SERVICE,
    summary: 'Says that the process answers',
    isOpen: true,
    answers: {
      200: {
        description: 'It does',
        content: { 'application/json': { type: 'object', properties: { status: { const: 'ok' } } } },
      },
    },
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'isReady',
    tag: SERVICE,
    summary: 'Says whether the service can do its work',
    isOpen: true,
    answers: {
      200: { description: 'It can', content: readiness('ready') },
      503: { description: 'Not yet, or not any more', content: readiness('not ready') },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'readMetrics',
    tag: SERVICE,
    summary: 'Metrics for Prometheus',
    answers: { 200: { description: 'Text exposition format', content: TEXT } },
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'describeApi',
    tag: SERVICE,
    summary: 'This description',
    answers: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': { type: 'object' } } } },
  },
  {
    method: 'get',
    path: '/docs',
    id: 'showDocs',
    tag: SERVICE,
    summary: 'This description as a page',
    answers: { 200: { description: 'A page', content: { 'text/html': { type: 'string' } } } },
  },
];

function readiness(status: string): NonNullable<Operation['answers'][number]['content']> {
  const text = { type: 'string' };
  return {
    'application/json': {
      type: 'object',
      // `reports` while their code is loaded, `clock` while it can't be right, `stopping` once it was told to stop.
      properties: {
        status: { const: status },
        store: text,
        backfill: text,
        reports: text,
        clock: text,
        stopping: { const: true },
      },
      required: ['status', 'store', 'backfill'],
    },
  };
}
