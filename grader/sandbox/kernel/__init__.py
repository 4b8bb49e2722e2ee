"""What runs inside the cage: the only code of ours a student's kernel can see; imports nothing of ours but siblings."""
