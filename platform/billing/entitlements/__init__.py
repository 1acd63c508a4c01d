"""Resources that work for whoever has paid, and for nobody else."""
