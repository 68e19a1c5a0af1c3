// A program that uses the public `openai` package, with only BASE_URL and API_KEY changed: it follows a job, gets a
// refusal and honours Retry-After. Prints what it saw as JSON.

import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY });
const body = { model: "seedance-2", prompt: "A paper boat in the rain", duration: 15, resolution: "720p" };

const accepted = await client.post("/videos/generations", { body });
const job = await client.get(`/jobs/${accepted.id}`);

let refusal;
try {
  await client.post("/videos/generations", { body });
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  refusal = { status: error.status, code: error.code, message: error.message, request_id: error.requestID };
}

// The fourth request of a minute that allows three.
const began = performance.now();
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const waited_seconds = (performance.now() - began) / 1000;

console.log(JSON.stringify({ accepted, job, refusal, models, waited_seconds }));
