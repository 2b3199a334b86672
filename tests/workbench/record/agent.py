"""A small agent, run as a process of its own: an OpenAI client with OpenTelemetry's own instrumentation, and a memory.

It keeps what it is told in a list and says every operation on it in ``gen_ai.memory.*`` spans. Arguments: address of a
chat-completions server, then what the user says, turn by turn.
"""

import json
import sys

from openai import OpenAI
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor


def main(server: str, said: list[str]) -> None:
    traces, logs = TracerProvider(), LoggerProvider()
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    trace.set_tracer_provider(traces)
    _logs.set_logger_provider(logs)
    OpenAIInstrumentor().instrument()
    tracer, client = trace.get_tracer("agent"), OpenAI(base_url=server, api_key="none")
    memory: list[str] = []
    history: list[dict[str, str]] = [{"role": "system", "content": "You keep a kiosk."}]
    for text in said:
        with tracer.start_as_current_span("invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
            with tracer.start_as_current_span("search_memory") as span:
                found = [{"id": f"m{n}", "content": m, "score": 1.0} for n, m in enumerate(memory)]
                span.set_attribute("gen_ai.operation.name", "search_memory")
                span.set_attribute("gen_ai.memory.query.text", text)
                span.set_attribute("gen_ai.memory.records", json.dumps(found))
            history.append({"role": "user", "content": text})
            answer = client.chat.completions.create(model="small", messages=history)  # type: ignore[arg-type]
            history.append({"role": "assistant", "content": str(answer.choices[0].message.content)})
            with tracer.start_as_current_span("create_memory") as span:
                span.set_attribute("gen_ai.operation.name", "create_memory")
                span.set_attribute("gen_ai.memory.records", json.dumps([{"id": f"m{len(memory)}", "content": text}]))
            memory.append(text)
    traces.shutdown()
    logs.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
