"""The report's page (Jinja, autoescaped) and its style. Kept in Python so that a frozen program carries it."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ content.run }} · Mnemoscope report</title>
<style>{{ style }}</style>
</head>
<body>
{% macro mark(place) -%}
<svg class="shape lane{{ place % 8 }}" viewBox="0 0 12 12" aria-hidden="true"><path d="{{ shapes[place % 8] }}"/></svg>
{%- endmacro %}
<header>
<p class="kicker">Mnemoscope report</p>
<h1>{{ content.run }}</h1>
{% if not content.finished %}
<p class="notice">This run has not finished. What is shown was committed so far.</p>
{% endif %}
{% if content.errata %}
<p class="notice">Scores are made with {{ content.errata }}. The probes below are as they were recorded.</p>
{% endif %}
<dl>
{% for name, value in content.facts %}
<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>
{% endfor %}
</dl>
</header>

{% for benchmark, heads, names, judges, rows in tables.published(content.standings) %}
<section>
<h2>{{ benchmark }} <span class="quiet">{{ names }}</span></h2>
<div class="scroll"><table>
<thead><tr><th>Lane</th>{% for head in heads %}<th class="number">{{ head }}</th>{% endfor %}</tr></thead>
<tbody>
{% for lane, cells in rows %}
<tr><th scope="row">{{ mark(places[lane.lane]) }}{{ lane.name }}
{%- if lane.lane in controls %} <span class="quiet">control</span>{% endif %}</th>
{% for cell in cells %}<td class="number">{% if cell %}<b>{{ "%.1f" % (cell.mean * 100) }}</b>
{%- if cell.interval %}<br><span class="quiet">{{ "%.0f" % (cell.interval.low * 100) }}–{{
"%.0f" % (cell.interval.high * 100) }}{{ "*" if cell.interval.method == "bca" }} of {{ cell.n }}</span>{% endif %}
{%- endif %}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
<p class="quiet">As the benchmark's official code computes it, in percent, by its paper's columns; below each figure its
95 % interval (Wilson; * BCa bootstrap of figures in between) and how many probes.
{% if judges %}Judged by {{ judges }}.{% endif %}</p>
</section>
{% endfor %}

{% if content.standings | map(attribute="figures") | sum(start=()) %}
<section>
<h2>Every score</h2>
<div class="scroll"><table>
{% set names = tables.shown_names(content.standings) %}
<thead><tr><th>Lane</th>{% for name in names %}<th class="number">{{ name }}
{%- if name in ["accuracy", "abstention"] %} <span class="quiet">ours</span>{% endif %}</th>{% endfor %}</tr></thead>
<tbody>
{% for lane in content.standings %}
<tr><th scope="row">{{ mark(places[lane.lane]) }}{{ lane.name }}
{%- if lane.lane in controls %} <span class="quiet">control</span>{% endif %}</th>
{% for name in names %}<td class="number">{{ tables.figure_text(lane, name) }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
<p class="quiet">In percent, with 95 % intervals (Wilson; * BCa bootstrap of figures in between).
{% for trial in content.trials %}{{ trial }}. {% endfor %}
{% for line in tables.missing(content.standings) %}{{ line }}. {% endfor %}</p>
{% if said_of_controls %}<p class="quiet lines">{{ said_of_controls }}</p>{% endif %}
</section>
{% endif %}

<section>
<h2>Our reading</h2>
{% if content.board.competencies %}
<div class="scroll"><table>
<thead><tr><th>Lane</th><th>Accuracy</th>
{% for name in content.board.competencies %}<th title="{{ title(name) }}">{{ heading(name) }}</th>{% endfor %}
<th class="number">Recall@1</th><th class="number">Recall@5</th><th class="number">Recall@10</th>
<th class="number">NDCG</th><th class="number">Context cut</th></tr></thead>
<tbody>
{% for lane in content.board.lanes %}
{% set place = loop.index0 %}
<tr><th scope="row">{{ mark(place) }}{{ lane.lane.name }}
{%- if lane.lane.id in controls %} <span class="quiet">control</span>{% endif %}</th>
{% for cell in cells(lane) %}
<td>{% if cell and cell.n %}<div class="share"><b>{{ percent(cell.accuracy) }}</b>
<span class="quiet">{{ cell.correct }} of {{ cell.n }}</span></div>
{{ interval(cell, place, ticks.get(cell.competency if loop.index0 else "", [])) }}
{% else %}<span class="quiet">not probed</span>{% endif %}</td>
{% endfor %}
{% for k in [1, 5, 10] %}
<td class="number">{% if k in lane.retrieval.recall %}{{ figure(lane.retrieval.recall[k]) }}
{% if k == lane.retrieval.depth %}<br><span class="quiet">{{ figure(lane.retrieval.interval.low) }}–{{
figure(lane.retrieval.interval.high) }}</span>{% endif %}{% endif %}</td>
{% endfor %}
<td class="number">{% if lane.retrieval.ndcg is not none %}{{ figure(lane.retrieval.ndcg) }}
<span class="quiet">@{{ lane.retrieval.depth }}</span>{% endif %}</td>
<td class="number">{% if losses[lane.lane.id].packed %}{{ losses[lane.lane.id].cut }}
<span class="quiet">of {{ losses[lane.lane.id].packed }}</span>{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
<p class="quiet">Points are shares of right answers, bars their 95 % intervals (Wilson)
{%- if ticks %}, ticks the controls{% endif %}. Questions without an answer count in no competency.
Context cut: answers for which not all that was recalled found room. Recall is the share of a
probe's evidence turns among the returned hits, averaged over the probes whose evidence is known, with a 95 % interval
(BCa bootstrap; Wilson where every figure is 0 or 1); a lane that returns fewer than ten has no recall@10, and its NDCG
is cut where it ends. Right and wrong are this program's own, lenient reading.
{% for name in abbreviated %}{{ heading(name) }}: {{ title(name) | lower }}{{ "." if loop.last else ", " }}
{%- endfor %}</p>
{% else %}<p class="empty">No probe has been scored yet.</p>{% endif %}
</section>

{% if content.compared %}
<section>
<h2>Lanes compared</h2>
{% for one in content.compared %}
<h3>{{ one.score }}{{ " (ours)" if one.score == "accuracy" }}</h3>
<div class="scroll"><table>
<thead><tr><th>First</th><th>Second</th><th class="number">Second less first</th><th class="number">95 %</th>
<th class="number">Only first</th><th class="number">Only second</th><th class="number">p</th>
<th class="number">p (Holm)</th></tr></thead><tbody>
{% for pair in one.pairs[:most_pairs] %}
<tr><td>{{ pair.first }}</td><td>{{ pair.second }}</td>
{% for figure in tables.pair_texts(pair.comparison) %}<td class="number">{{ figure }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
<p class="quiet">In points, paired over the probes that both answered: {{ tables.test_text(one) }}, corrected by Holm.
{{ one.power }}.{% if one.pairs | length > most_pairs %} {{ one.pairs | length - most_pairs }} pairs more are in
`mnemoscope score --json`.{% endif %}</p>
{% endfor %}
</section>
{% endif %}

{% for name, said, drawn in pictures %}
<section>
<h2>{{ name }}</h2>
{{ drawn }}
<p class="quiet">{{ said }}</p>
</section>
{% endfor %}

{% if content.policies %}<section>
<h2>What the cache kept</h2>
<div class="scroll"><table>
<thead><tr><th>Lane</th><th>Cache</th><th class="number">Kept</th><th class="number">Evidence kept</th>
<th class="number">KL (nats)</th><th class="number">Heads agree</th><th class="number">Cells</th>
<th class="number">Method itself</th></tr></thead>
<tbody>
{% for p in content.policies %}
<tr><th scope="row">{{ p.name }}</th><td>{{ p.badge }}</td><td class="number">{{ percent(p.share) }}</td>
<td class="number">{{ percent(p.evidence) if p.evidence is not none else "" }}</td>
<td class="number">{{ "%.2g" % p.kl if p.kl is not none else "" }}</td>
<td class="number">{{ percent(p.agreement) if p.agreement is not none else "" }}</td>
<td class="number">{{ percent(p.logical / p.full) if p.full else "" }}</td>
<td class="number">{{ percent(p.modelled / p.full) if p.full else "" }}</td></tr>
{% endfor %}
</tbody></table></div>
<p class="quiet">Means over the answers. Evidence: of its tokens in all layers and heads, once the prompt is compressed.
KL: next-token divergence of the full cache from the policy. Cells: bytes really in use, of the full cache's; the method
itself would take what stands beside them.</p>
</section>{% endif %}

<section>
<h2>What it cost</h2>
<div class="scroll"><table>
<thead><tr class="groups"><th></th><th colspan="5">Writing</th><th colspan="4">Reading</th>
<th colspan="3">Answering</th><th colspan="2">Memory</th></tr>
<tr><th>Lane</th><th class="number first">Calls</th><th class="number">A turn</th><th class="number">Prompt tok</th>
<th class="number">Generated</th><th class="number">Time a turn</th>
<th class="number first">Calls</th><th class="number">A probe</th><th class="number">Prompt tok</th>
<th class="number">Generated</th>
<th class="number first">Prompt tok</th><th class="number">Generated</th><th class="number">Time a probe</th>
<th class="number first">Items</th><th class="number">Bytes</th></tr></thead>
<tbody>
{% for lane in content.costs %}
<tr{% if lane.purposes %} class="more"{% endif %}><th scope="row">{{ mark(loop.index0) }}{{ lane.lane.name }}</th>
<td class="number first">{{ number(lane.written.calls) }}</td>
<td class="number">{{ "%.2f" % (lane.written.calls / lane.turns) if lane.turns else "" }}</td>
<td class="number">{{ number(lane.written.prompt) }}</td><td class="number">{{ number(lane.written.generated) }}</td>
<td class="number">{{ duration(lane.seconds_a_turn) }}</td>
<td class="number first">{{ number(lane.read.calls) }}</td>
<td class="number">{{ "%.2f" % (lane.read.calls / lane.probes) if lane.probes else "" }}</td>
<td class="number">{{ number(lane.read.prompt) }}</td><td class="number">{{ number(lane.read.generated) }}</td>
<td class="number first">{{ number(lane.answers.prompt) }}</td>
<td class="number">{{ number(lane.answers.generated) }}</td><td class="number">{{ duration(lane.seconds_a_probe) }}</td>
<td class="number first">{{ number(lane.active) }}
{%- if lane.items > lane.active %} <span class="quiet">of {{ number(lane.items) }}</span>{% endif %}</td>
<td class="number">{{ number(lane.size) }}</td></tr>
{% if lane.purposes %}<tr><td class="purposes quiet" colspan="15">{{ lane.purposes }}</td></tr>
{% endif %}
{% endfor %}
</tbody></table></div>
<p class="quiet">Writing takes in turns, reading finds what a probe needs; a probe costs one call more, its answer.
Time is that of the lane's own steps (reading and answering together), its share of every batch, without the wait for
other lanes (runs of the first version hold it). Bytes are those of the active items' texts and fields, without
vectors.</p>
</section>

<section>
<h2>What it did</h2>
<div class="scroll"><table>
<thead><tr><th>Lane</th>
{% for kind, name in operations %}<th class="number">{{ name | capitalize }}</th>{% endfor %}
<th class="number">Failed</th>
{% for kind, what in found %}<th class="number" title="{{ what }}">{{ kind | capitalize }}</th>{% endfor %}</tr></thead>
<tbody>
{% for lane in content.board.lanes %}
<tr><th scope="row">{{ mark(loop.index0) }}{{ lane.lane.name }}</th>
{% for kind, name in operations %}<td class="number">
{{- number(lane.operations[kind]) if kind in lane.operations else "" }}</td>{% endfor %}
<td class="number">{{ lane.failed or "" }}</td>
{% for kind, what in found %}<td class="number">{{ content.findings[lane.lane.id][kind] or "" }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% if found %}<p class="quiet">Left of Failed are operations, right of it what the detectors found.
{% for kind, what in found %}{{ kind | capitalize }}: {{ what | lower_first }}{{ "." if loop.last else "; " }}
{%- endfor %}</p>{% endif %}
</section>

{% for session in content.sessions %}
<section>
<h2>{{ session.name }}
<span class="quiet">{{ session.turns }} turns, {{ session.probes.lines | length }} probes</span></h2>
<p class="legend"><span><i class="key written"></i>written</span><span><i class="key updated"></i>updated</span>
<span><i class="key linked"></i>linked</span><span><i class="key superseded"></i>superseded or merged</span>
<span><i class="key deleted"></i>deleted or evicted</span><span><i class="key dropped"></i>dropped</span>
<span><i class="key right"></i>✓ right, above the line</span><span><i class="key wrong"></i>✗ wrong, below it</span></p>
{% for strip in tracks[session.number] %}
<figure class="lane{{ strip.place }}">
<figcaption>{{ mark(strip.place) }}{{ strip.name }} <span class="quiet">{{ strip.total }}</span></figcaption>
<svg class="strip" viewBox="0 0 1000 62" role="img" aria-label="{{ strip.name }}: {{ strip.total }}">
<path class="axis" d="M0 26.5H1000M0 52.5H1000"/>{{ bars(strip.bars) }}
<g transform="translate(0 43)">{{ bars(strip.pips) }}</g></svg>
</figure>
{% endfor %}
<p class="ends quiet"><span>turn 0</span><span>turn {{ session.turns - 1 }}</span></p>
{% if session.probes.lines %}
<h3>Probes</h3>
<input type="checkbox" class="filter" id="wrong{{ session.number }}">
<label for="wrong{{ session.number }}">only those that a lane got wrong</label>
<div class="scroll"><table class="probes">
<thead><tr><th class="number">Turn</th><th>Competency</th><th>Question</th><th>Gold</th>
{% for lane, name in session.probes.lanes %}<th>{{ mark(places[lane]) }}{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for line in session.probes.lines %}
<tr{% if not any_wrong(line) %} class="allright"{% endif %}>
<td class="number">{{ line.turn }}</td><td>{{ session.competencies[line.competency] }}</td>
<td class="said">{% if line.guessable %}
<span class="rank" title="answered right without any memory">◦ </span>{% endif %}
{{- line.question }}</td><td class="said">{{ line.gold }}</td>
{% for verdict in line.verdicts %}
{% if verdict %}<td class="said {{ "right" if verdict.correct else "wrong" }}">
{%- if verdict.correct %}<b aria-label="right">✓</b>{% else %}<b aria-label="wrong">✗</b>{% endif %}
{{- " " ~ (verdict.answer or "no answer") }}
{%- if verdict.rank %} <span class="rank" title="rank of the first hit with evidence">#{{ verdict.rank }}</span>
{%- endif %}
{%- for name, judge, said, why in verdict.judged %}
 <span class="rank" title="{{ name }} by {{ judge }}: {{ why }}">judge: {{ said or "no verdict" }}</span>
{%- endfor %}</td>
{% else %}<td class="quiet">not asked yet</td>{% endif %}
{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% if session.probes.lines | selectattr("guessable") | list %}
<p class="quiet">◦ answered right without any memory: such a question says nothing about memories.</p>
{% endif %}
{% endif %}
{% if session.causes | map(attribute="wrong") | sum(start=()) %}
<h3>Why answers are wrong</h3>
<div class="scroll"><table>
<thead><tr><th>Lane</th><th class="number">Wrong</th>
{% for cause in causes %}<th class="number">{{ cause_titles[cause] | capitalize }}</th>{% endfor %}
<th class="number">Proved</th></tr></thead><tbody>
{% for lane in session.causes %}
<tr><th scope="row">{{ mark(places[lane.lane.id]) }}{{ lane.lane.name }}</th>
<td class="number">{{ lane.wrong | length }} of {{ lane.asked }}</td>
{% for cause in causes %}<td class="number">{{ lane.counts[cause] or "" }}</td>{% endfor %}
<td class="number">{{ lane.proved or "" }}</td></tr>
{% endfor %}
</tbody></table></div>
<div class="scroll"><table class="probes">
<thead><tr><th>Lane</th><th class="number">Turn</th><th>Question</th><th>Answer</th><th>Cause</th>
<th>Why</th></tr></thead>
<tbody>
{% for lane in session.causes %}{% for w in lane.wrong[:most_wrong] %}
<tr><td>{{ mark(places[lane.lane.id]) }}{{ lane.lane.name }}</td><td class="number">{{ w.turn }}</td>
<td class="said">{{ w.question }}</td><td class="said wrong">{{ w.answer or "no answer" }}</td>
<td>{% for cause in w.causes %}{{ cause_titles[cause] }}{{ "" if loop.last else " and " }}
{%- else %}unexplained{% endfor %}
{% if w.confirmed %} (proved){% elif w.confirmed is none %} (suspected){% endif %}</td>
<td class="said">{{ w.sentence }}</td></tr>
{% endfor %}{% endfor %}
</tbody></table></div>
<p class="quiet">Proved: with that one thing changed, the same question was answered right. Suspected: read from the
trace alone.</p>
{% endif %}
</section>
{% endfor %}

{% if content.remarks %}
<section>
<h2>Remarks</h2>
<div class="scroll"><table>
<thead><tr><th>About</th><th class="number">Turn</th><th>Remark</th><th>By</th></tr></thead><tbody>
{% for remark in content.remarks %}
<tr><td>{{ remark.about }} {{ remark.subject }}</td><td class="number">{{ remark.turn }}</td>
<td class="said">{{ remark.text }}</td><td>{{ remark.author }}, {{ remark.created[:16].replace('T', ' ') }}</td></tr>
{% endfor %}
</tbody></table></div>
</section>
{% endif %}

<section>
<h2>Warnings and losses</h2>
{% if content.losses | map(attribute="losses") | sum(start=()) %}
<div class="scroll"><table><thead><tr><th>Lane</th><th>Operation</th><th>What</th><th>Reason</th>
<th class="number">Times</th></tr></thead><tbody>
{% for lane in content.losses %}{% for loss in lane.losses %}
<tr><th scope="row">{{ mark(places[lane.lane.id]) }}{{ lane.lane.name }}</th><td>{{ loss.operation }}</td>
<td>{{ loss.kind }}</td><td class="said">{{ loss.reason }}</td><td class="number">{{ number(loss.times) }}</td></tr>
{% endfor %}{% endfor %}
</tbody></table></div>
{% endif %}
{% if content.troubles or content.warnings %}
<h3>Where</h3>
<div class="scroll"><table><thead><tr><th>Where</th><th>What</th><th class="number">Times</th></tr></thead><tbody>
{% for trouble in content.troubles + content.warnings %}
<tr><td>{{ trouble.where }}</td><td class="said">{{ trouble.what }}</td><td class="number">{{ trouble.times }}</td></tr>
{% endfor %}
</tbody></table></div>
{% endif %}
{% if content.whole %}
<p class="empty">Nothing was dropped or cut, nothing failed, and the session files were in order.</p>
{% endif %}
</section>
<footer class="quiet">Made by Mnemoscope {{ version }} from {{ content.run }}, which opens in its window.</footer>
</body>
</html>
"""

STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1280px;padding:32px 24px 48px;background:var(--window);color:var(--text);
font:14px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;font-variant-numeric:tabular-nums}
header{margin-bottom:24px}
h1{font-size:28px;line-height:1.2;margin:0 0 16px;overflow-wrap:anywhere}
h2{font-size:18px;margin:0 0 12px}h3{font-size:14px;margin:20px 0 4px}
h2 .quiet{font-weight:400;margin-left:8px}
.kicker{margin:0 0 4px;color:var(--accent);font-weight:600}
.notice{padding:8px 12px;background:var(--accent-soft);border-left:3px solid var(--accent)}
section{background:var(--surface);border:1px solid var(--line);border-radius:6px;padding:16px;margin-bottom:16px}
section>:last-child{margin-bottom:0}
dl{display:flex;flex-wrap:wrap;gap:8px 32px;margin:0}dl div{max-width:100%}
dt,.quiet{color:var(--text-3)}dt,.quiet,.legend,figcaption{font-size:12px}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:8px 12px 8px 0;border-bottom:1px solid var(--line)}
thead th{font-size:12px;font-weight:600;color:var(--text-2);white-space:nowrap;vertical-align:bottom}
tbody th{font-weight:600;white-space:nowrap}
.groups th{text-align:center;border-bottom:0;padding-bottom:0}.first{padding-left:16px}
.more>*{border-bottom:0;padding-bottom:0}td.purposes{padding:0 0 8px 19px}
tbody tr:last-child>*{border-bottom:0}
.number{text-align:right;white-space:nowrap}
.said{overflow-wrap:anywhere;min-width:128px;max-width:340px;white-space:pre-wrap}
.said b{margin-right:4px}td.right b{color:var(--right)}td.wrong b{color:var(--wrong)}
td.wrong{background:var(--wrong-soft)}
.rank{color:var(--text-3);font-size:12px;white-space:nowrap}
.share{white-space:nowrap}.interval{display:block;width:120px;height:12px;margin-top:4px}
.shape{width:11px;height:11px;margin-right:8px;vertical-align:-1px}
.lines{white-space:pre-line}svg .tick{stroke:var(--text-3);stroke-width:1.5;stroke-opacity:.8;fill:none}
svg .axis{stroke:var(--text-3);stroke-opacity:.45;stroke-width:1;fill:none}
.range{opacity:.4}
figure{margin:12px 0 0}figcaption{font-weight:600;margin-bottom:2px}figcaption .quiet{font-weight:400;margin-left:8px}
.strip{display:block;width:100%;height:auto}
.written{fill:currentColor;background:currentColor}.updated{fill:currentColor;background:currentColor;opacity:.55}
.linked{fill:currentColor;background:currentColor;opacity:.25}
.superseded{fill:var(--text-3);background:var(--text-3)}
.deleted,.evicted{fill:var(--text);background:var(--text)}
.dropped,.failed{fill:var(--bad);background:var(--bad)}
rect.right,i.right{fill:var(--right);background:var(--right)}rect.wrong,i.wrong{fill:var(--wrong);background:var(--wrong)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;color:var(--text-2);margin:0}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
.ends{display:flex;justify-content:space-between;margin:2px 0 0}
.filter:checked~.scroll .allright{display:none}
.filter,label{cursor:pointer;accent-color:var(--accent-fill)}
.empty{color:var(--text-2);margin:0}
footer{padding:0 16px}
@media print{body{background:none;padding:0}section{border:0;padding:8px 0}.filter,label{display:none}}
""" + "".join(f".lane{n}{{fill:var(--lane{n});color:var(--lane{n})}}" for n in range(8))
