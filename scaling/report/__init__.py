"""The report: tables, figures, captions and the methods paragraph, as HTML, LaTeX, CSV and JSON."""
