"""Results to read: JSON, CSV, terminal tables and one self-contained HTML page with sound to play."""

from art_audio_ext.report.files import write_audit, write_comparison
from art_audio_ext.report.page import write_report
from art_audio_ext.report.tables import format_audit_table, format_comparison_table

__all__ = ["format_audit_table", "format_comparison_table", "write_audit", "write_comparison", "write_report"]
