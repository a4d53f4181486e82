"""Reports in Word: templates that offices edit, filled with texts, linked figures and native charts; the door to docx."""
