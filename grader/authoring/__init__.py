"""What helps an instructor write a spec that cannot grade wrongly: mutants, variants, drafts, templates."""
