"""SHOW: one module per format, each a pure function from a Report to text. They know verdicts and nothing else.

    terminal.render(report, console=…)   what `lab grade` prints
    html.page(report), html.card(report) a whole page; a fragment for a notebook
    html.article, html.document          a fragment without style, and the page for several of them
    json.render(report)                  the published JSON, see report.schema.json
    junit.render(report)                 JUnit XML; junit.suite and junit.document for several reports in one
    sarif.render(report)                 SARIF 2.1.0
    gradescope.render(report)            Gradescope's results.json (refuses a report without a score)

Import the module you need: only `terminal` needs rich.
"""
