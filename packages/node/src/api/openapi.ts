/** The OpenAPI document, made from the same declarations that the code runs on. */
import type { Module } from '@palisade/chain';
import type { Json, JsonSchema } from '@palisade/core';

type Operation = { readonly [key: string]: Json };

const fileBody = {
  content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
};
const hexBody: Json = { required: true, ...fileBody };
const refusal: Json = {
  description: 'A refusal: what, why, what next',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          error: {
            type: 'object',
            properties: {
              code: { type: 'string' },
              message: { type: 'string' },
              next: { type: 'string' },
              retry: { enum: ['never', 'later', 'now'] },
              data: { type: 'object' },
            },
            required: ['code', 'message', 'retry'],
          },
        },
      },
    },
  },
};

function ok(description: string, schema?: JsonSchema): Json {
  return schema ? { description, content: { 'application/json': { schema } } } : { description };
}

function get(summary: string, parameters: readonly Json[] = [], schema?: JsonSchema): Operation {
  return { summary, parameters, responses: { '200': ok(summary, schema), default: refusal } };
}

function post(summary: string): Operation {
  return { summary, requestBody: hexBody, responses: { '202': ok(summary), default: refusal } };
}

function inPath(name: string): Json {
  return { name, in: 'path', required: true, schema: { type: 'string' } };
}
function inQuery(name: string, schema: JsonSchema, required = false): Json {
  return { name, in: 'query', required, schema };
}

function queryPaths(modules: readonly Module[]): Record<string, Json> {
  const paths: Record<string, Json> = {};
  for (const { declaration } of modules.flatMap((module) => module.queries ?? [])) {
    const parameters = Object.entries(declaration.params.fields).map(([name, field]) =>
      inQuery(name, field.jsonSchema, true),
    );
    const answer: JsonSchema = {
      type: 'object',
      properties: { height: { type: 'string' }, result: declaration.result.jsonSchema },
    };
    paths[`/v1/query/${declaration.name}`] = { get: get(declaration.doc, parameters, answer) };
  }
  return paths;
}

/** OpenAPI 3.1 of a validator. Commands and events appear as schemas, queries as paths. */
export function openApi(modules: readonly Module[]): Json {
  const commands = modules.flatMap((module) => module.commands ?? []);
  const events = modules.flatMap((module) => module.events ?? []);
  const text: JsonSchema = { type: 'string' };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Palisade validator',
      version: '0.1.0',
      description:
        'Signed envelopes travel as bytes. Integers wider than 32 bits are decimal strings, bytes are 0x-hex. spec/api.md tells the whole.',
    },
    paths: {
      '/status': { get: get('What this validator is, and the directory of all') },
      '/health': { get: get('Whether the process is alive') },
      '/ready': { get: get('Whether it can be given work, with reasons') },
      '/metrics': { get: get('Prometheus metrics') },
      ...queryPaths(modules),
      '/v1/transactions': {
        post: post('Submit a signed command; acknowledged when stored durably'),
      },
      '/v1/transactions/{id}': { get: get('Where a transaction stands', [inPath('id')]) },
      '/v1/jobs': {
        post: post('Request utility: a signed market.request; answered with a signed confirmation'),
      },
      '/v1/jobs/{job}/offers': {
        get: get('Offers for a job, as server-sent events', [
          inPath('job'),
          inQuery('limit', { type: 'integer', minimum: 1, maximum: 32 }),
          inQuery('maxRate', text),
          inQuery('minScore', text),
          inQuery('maxRttMs', text),
        ]),
      },
      '/v1/jobs/{job}/accept': {
        post: { ...post('Take up an offer: a signed market.accept'), parameters: [inPath('job')] },
      },
      '/v1/jobs/{job}/connect-reports': {
        post: {
          ...post('Whether both sides of a match met: a signed connection report of either'),
          parameters: [inPath('job')],
        },
      },
      '/v1/jobs/{job}/history': { get: get('Every event of a job', [inPath('job')]) },
      '/v1/partners': {
        get: get('Partners that are ready'),
        post: post('Announce: a signed market.ready; acknowledged in signed words'),
      },
      '/v1/partners/sign-off': { post: post('Sign off: a signed market.sign-off') },
      '/v1/sector-verdicts': {
        post: post('Have a seal proof fetched and checked: a signed sectors.proof-ready'),
      },
      '/v1/window-verdicts': {
        post: post('Between validators: a signed sectors.window-question'),
      },
      '/v1/seal-verdicts': {
        post: post('Between validators: a signed sectors.seal-question'),
      },
      '/v1/work': {
        post: post('Ask for work: a signed market.work-query; jobs, or a signed reason'),
      },
      '/v1/notices/acknowledgements': {
        post: post('Say that a notice was heard: a signed market.notice-ack'),
      },
      '/v1/notices/acknowledgements/{job}/{partner}': {
        get: get('What a partner signed when it was told of a job here', [
          inPath('job'),
          inPath('partner'),
        ]),
      },
      '/v1/job-files/{height}': {
        get: get('The signed requests of a block, with a proof of their root', [
          inPath('height'),
          inQuery('from', text),
        ]),
      },
      '/v1/payout-files/{session}': {
        get: {
          summary: 'The payout file of a session that is over, as bytes',
          parameters: [inPath('session')],
          responses: { '200': { description: 'The bytes', ...fileBody }, default: refusal },
        },
      },
      '/v1/offers': { post: post('Offer to take a job: a signed market.offer') },
      '/v1/notices': {
        get: get("A partner's notices and matches, as server-sent events", [
          inQuery('subscribe', text, true),
        ]),
      },
      '/v1/draws/{session}/roots': {
        get: get('Roots of all stores at a block of a session in which seats were drawn', [
          inPath('session'),
        ]),
      },
      '/v1/blocks/{height}': { get: get('A block', [inPath('height')]) },
      '/v1/commits/{height}': {
        get: get('Header, commit and validators of a height', [inPath('height')]),
      },
      '/v1/proof/{store}/{key}': {
        get: get('A value of a proven store, with ICS-23 proofs', [inPath('store'), inPath('key')]),
      },
      '/v1/events': {
        get: get('Events as they happen, as server-sent events', [
          inQuery('topics', text),
          inQuery('from', text),
        ]),
      },
    },
    components: {
      schemas: Object.fromEntries([
        ...commands.map(({ declaration }) => [
          declaration.name,
          {
            ...declaration.schema.jsonSchema,
            title: declaration.title,
            description: declaration.doc,
          },
        ]),
        ...events.map((event) => [
          event.name,
          { ...event.schema.jsonSchema, title: event.name, description: event.doc },
        ]),
      ]),
    },
  };
}
