globalThis.taggerWords = {
 "(the most)": "(am meisten)",
 "(the same as another)": "(gleich wie eine andere)",
 "A time is missing.": "Eine Uhrzeit fehlt.",
 "About {right} % of the photos that get it are right; {found} % of those that show it are found.": "Etwa {right} % der Fotos, die es bekommen, sind richtig; {found} % derer, die es zeigen, werden gefunden.",
 "Add": "Hinzufügen",
 "Add a label to {n} photo": [
  "{n} Foto ein Schlagwort geben",
  "{n} Fotos ein Schlagwort geben"
 ],
 "Add label": "Schlagwort hinzufügen",
 "All is decided: {groups}, and {photos}.": "Alles ist entschieden: {groups}, und {photos}.",
 "Answer {n} doubtful one": [
  "{n} zweifelhaftes beantworten",
  "Die {n} unsichersten beantworten"
 ],
 "As a table": "Als Tabelle",
 "Back to “{query}”": "Zurück zu „{query}“",
 "Camera": "Kamera",
 "Cancel": "Abbrechen",
 "Clear selection": "Auswahl aufheben",
 "Close": "Schließen",
 "Confirm": "Bestätigen",
 "Confirm a label of {n} photo": [
  "Ein Schlagwort von {n} Foto bestätigen",
  "Ein Schlagwort von {n} Fotos bestätigen"
 ],
 "Do these show “{label}”?": "Zeigen diese „{label}“?",
 "Download": "Herunterladen",
 "Download as zip": "Als ZIP herunterladen",
 "Download {n} photo": [
  "{n} Foto herunterladen",
  "{n} Fotos herunterladen"
 ],
 "Everything about it, and corrections": "Alles darüber, und Korrekturen",
 "File": "Datei",
 "Folder": "Ordner",
 "Forget it": "Vergessen",
 "Forget it with its examples": "Mitsamt den Beispielen vergessen",
 "Format": "Format",
 "Found": "Gefunden",
 "Give “{label}” to photos": "„{label}“ an Fotos vergeben",
 "Group {n} of {all}": "Gruppe {n} von {all}",
 "How many are right, and how many are found, by how sure it must be.": "Wie viele richtig sind und wie viele gefunden werden, je nachdem, wie sicher es sein muss.",
 "I looked, they are right: switch it on": "Ich habe nachgesehen, sie stimmen: einschalten",
 "Information (i)": "Angaben (i)",
 "It cannot be learned from these yet.": "Aus diesen lässt es sich noch nicht lernen.",
 "It has learned from that; {n} photo changed.": [
  "Es hat daraus gelernt; {n} Foto hat sich geändert.",
  "Es hat daraus gelernt; {n} Fotos haben sich geändert."
 ],
 "It is as before.": "Es ist wie zuvor.",
 "It is forgotten.": "Es ist vergessen.",
 "It is forgotten; {n} photo changed.": [
  "Es ist vergessen; {n} Foto hat sich geändert.",
  "Es ist vergessen; {n} Fotos haben sich geändert."
 ],
 "It is given from {share} on.": "Es wird ab {share} vergeben.",
 "It is learned, and off.": "Es ist gelernt und ausgeschaltet.",
 "It is not on yet: look at some of its photos first.": "Es ist noch nicht an: Sehen Sie zuerst einige seiner Fotos an.",
 "It is off; {n} photo changed.": [
  "Es ist aus; {n} Foto hat sich geändert.",
  "Es ist aus; {n} Fotos haben sich geändert."
 ],
 "It is on; {n} photo changed.": [
  "Es ist eingeschaltet; {n} Foto geändert.",
  "Es ist eingeschaltet; {n} Fotos geändert."
 ],
 "It stays where you gave it yourself.": "Es bleibt, wo Sie selbst es vergeben haben.",
 "Keep it": "Behalten",
 "Keep it and switch it on": "Behalten und einschalten",
 "Keep the best of {n} clear group": [
  "Von {n} klaren Gruppe das beste behalten",
  "Von {n} klaren Gruppen das beste behalten"
 ],
 "Keep {keep} of {all}": "{keep} von {all} behalten",
 "Kept": "Behalten",
 "Keys: y yes, n no.": "Tasten: y ja, n nein.",
 "Label": "Schlagwort",
 "Labels": "Schlagwörter",
 "Labels (l)": "Schlagwörter (l)",
 "Learn from that": "Daraus lernen",
 "Learned from {examples}.": "Gelernt aus {examples}.",
 "Learned on {time} from {examples}.": "Gelernt am {time} aus {examples}.",
 "Lens": "Objektiv",
 "Less often: {labels}": "Seltener: {labels}",
 "Look at the doubtful ones": "Die zweifelhaften ansehen",
 "More often: {labels}": "Häufiger: {labels}",
 "More, and why": "Mehr, und warum",
 "Next": "Weiter",
 "No label has that in its name.": "Kein Schlagwort hat das in seinem Namen.",
 "No photo has it from what was taught: it is off.": "Kein Foto hat es durch das Beibringen: Es ist aus.",
 "No two photos are that much alike.": "Keine zwei Fotos sind sich so ähnlich.",
 "None that is sure enough.": "Keines, das sicher genug ist.",
 "Not kept": "Nicht behalten",
 "Nothing is sure enough for a label.": "Nichts ist sicher genug für ein Schlagwort.",
 "Nothing is written into photos for it.": "Dafür wird nichts in Fotos geschrieben.",
 "Off": "Aus",
 "On": "An",
 "One moment …": "Einen Moment …",
 "Only the first {n} photo is selected.": [
  "Nur das erste Foto ({n}) ist ausgewählt.",
  "Nur die ersten {n} Fotos sind ausgewählt."
 ],
 "People and things found on it: {things}.": "Darauf gefundene Menschen und Dinge: {things}.",
 "Photo without labels": "Foto ohne Schlagwörter",
 "Photo {n}": "Foto {n}",
 "Photo {n} is not {label}": "Foto {n} ist nicht {label}",
 "Photo {n} is {label}": "Foto {n} ist {label}",
 "Photos in the whole window": "Fotos im ganzen Fenster",
 "Picture": "Bild",
 "Pixels": "Pixel",
 "Place": "Ort",
 "Please log in again.": "Bitte erneut anmelden.",
 "Previous": "Zurück",
 "Proposed: the first one.": "Vorschlag: das erste.",
 "Remove": "Entfernen",
 "Remove a label from {n} photo": [
  "Ein Schlagwort von {n} Foto entfernen",
  "Ein Schlagwort von {n} Fotos entfernen"
 ],
 "Right": "Richtig",
 "See again with the answers": "Mit den Antworten neu ansehen",
 "See what comes of it": "Ansehen, was dabei herauskommt",
 "Select: {photo}": "Auswählen: {photo}",
 "Selected photos": "Ausgewählte Fotos",
 "Sharpness": "Schärfe",
 "Since then you said yes to {yes} and no to {no}.": "Seither sagten Sie zu {yes} ja und zu {no} nein.",
 "Sure": "Sicher",
 "Sure from": "Sicher ab",
 "Taken": "Aufgenommen",
 "Taken back.": "Zurückgenommen.",
 "Teach": "Beibringen",
 "Teach a label by {n} photo": [
  "Ein Schlagwort mit {n} Foto beibringen",
  "Ein Schlagwort mit {n} Fotos beibringen"
 ],
 "The keywords of {n} photo would be written in another language.": [
  "Die Stichwörter von {n} Foto würden in einer anderen Sprache geschrieben.",
  "Die Stichwörter von {n} Fotos würden in einer anderen Sprache geschrieben."
 ],
 "The model is being loaded ({share} of its weights are here) …": "Das Modell wird geladen ({share} seiner Gewichte sind da) …",
 "The model is being loaded …": "Das Modell wird geladen …",
 "The model is {share} sure; it is not shown.": "Das Modell ist zu {share} sicher; es wird nicht angezeigt.",
 "The model is {share} sure; it is shown.": "Das Modell ist zu {share} sicher; es wird angezeigt.",
 "The next page could not be loaded.": "Die nächste Seite konnte nicht geladen werden.",
 "The picture cannot be shown.": "Das Bild kann nicht angezeigt werden.",
 "The rule is kept and is being applied.": "Die Regel ist gespeichert und wird angewendet.",
 "The rule is kept; the service applies it now.": "Die Regel ist gespeichert; der Dienst wendet sie jetzt an.",
 "The service looks at them now.": "Der Dienst sieht sie jetzt an.",
 "The service writes them now.": "Der Dienst schreibt sie jetzt.",
 "The setting is kept, and in force.": "Die Einstellung ist gespeichert und gilt.",
 "They wait for tagger backfill or tagger run.": "Sie warten auf tagger backfill oder tagger run.",
 "This was the last group.": "Das war die letzte Gruppe.",
 "Undo": "Rückgängig",
 "What becomes of it": "Was daraus wird",
 "What the file tells: {kinds}.": "Was die Datei verrät: {kinds}.",
 "What the model says: {classes}.": "Was das Modell sagt: {classes}.",
 "What would change": "Was sich ändern würde",
 "What you answer is learned, too: what does not show it is as important as what does.": "Auch was Sie antworten, wird gelernt: Was es nicht zeigt, ist so wichtig wie das, was es zeigt.",
 "Where the files are the very same, or one has clearly more pixels": "Wo die Dateien genau gleich sind oder eine deutlich mehr Pixel hat",
 "Which of these are not {label}?": "Welche davon sind nicht {label}?",
 "Without a date": "Ohne Datum",
 "Write": "Schreiben",
 "Write keywords": "Stichwörter schreiben",
 "Write keywords of {n} photo": [
  "Stichwörter von {n} Foto schreiben",
  "Stichwörter von {n} Fotos schreiben"
 ],
 "Your keywords": "Eigene Stichwörter",
 "Zoom": "Vergrößern",
 "across: how sure it must be": "waagrecht: wie sicher es sein muss",
 "alike by {share} at least": "zu mindestens {share} ähnlich",
 "comparing …": "vergleicht …",
 "found, of those that show it": "gefunden, von denen, die es zeigen",
 "large": "groß",
 "medium": "mittel",
 "none": "nichts",
 "proposed": "Vorschlag",
 "right, of those that get it": "richtig, von denen, die es bekommen",
 "small": "klein",
 "tagger does not answer. Is it running?": "tagger antwortet nicht. Läuft es?",
 "unknown": "unbekannt",
 "waiting …": "wartet …",
 "{changed} of {all} photos would show other labels.": "{changed} von {all} Fotos würden andere Schlagwörter zeigen.",
 "{changed} of {compared} photos looked at would show other labels: about {about} of {all}.": "{changed} von {compared} angesehenen Fotos würden andere Schlagwörter zeigen: etwa {about} von {all}.",
 "{done} of {total}": "{done} von {total}",
 "{groups} decided: {photos}.": "{groups} entschieden: {photos}.",
 "{label}, how sure": "{label}, wie sicher",
 "{n} answered": [
  "{n} beantwortet",
  "{n} beantwortet"
 ],
 "{n} decided": "{n} entschieden",
 "{n} drawn from the library": [
  "{n} aus der Bibliothek gezogenes",
  "{n} aus der Bibliothek gezogene"
 ],
 "{n} file is as before.": [
  "{n} Datei ist wie zuvor.",
  "{n} Dateien sind wie zuvor."
 ],
 "{n} file would be written, {size}.": [
  "{n} Datei würde geschrieben, {size}.",
  "{n} Dateien würden geschrieben, {size}."
 ],
 "{n} file written.": [
  "{n} Datei geschrieben.",
  "{n} Dateien geschrieben."
 ],
 "{n} group": [
  "{n} Gruppe",
  "{n} Gruppen"
 ],
 "{n} label": [
  "{n} Schlagwort",
  "{n} Schlagwörter"
 ],
 "{n} left": [
  "{n} übrig",
  "{n} übrig"
 ],
 "{n} or more left": "{n} oder mehr übrig",
 "{n} photo": [
  "{n} Foto",
  "{n} Fotos"
 ],
 "{n} photo changed.": [
  "{n} Foto geändert.",
  "{n} Fotos geändert."
 ],
 "{n} photo has it from what was taught.": [
  "{n} Foto hat es durch das Beibringen.",
  "{n} Fotos haben es durch das Beibringen."
 ],
 "{n} photo is as before.": [
  "{n} Foto ist wie zuvor.",
  "{n} Fotos sind wie zuvor."
 ],
 "{n} photo is not kept": [
  "{n} Foto wird nicht behalten",
  "{n} Fotos werden nicht behalten"
 ],
 "{n} photo is not kept, {size}": [
  "{n} Foto wird nicht behalten, {size}",
  "{n} Fotos werden nicht behalten, {size}"
 ],
 "{n} photo is not kept.": [
  "{n} Foto wird nicht behalten.",
  "{n} Fotos werden nicht behalten."
 ],
 "{n} photo of the library would get it.": [
  "{n} Foto der Bibliothek würde es bekommen.",
  "{n} Fotos der Bibliothek würden es bekommen."
 ],
 "{n} photo selected": [
  "{n} Foto ausgewählt",
  "{n} Fotos ausgewählt"
 ],
 "{n} photo that shows it": [
  "{n} Foto, das es zeigt",
  "{n} Fotos, die es zeigen"
 ],
 "{n} photo would change.": [
  "{n} Foto würde sich ändern.",
  "{n} Fotos würden sich ändern."
 ],
 "{n} queued again.": [
  "{n} wieder eingereiht.",
  "{n} wieder eingereiht."
 ],
 "{n} that does not": [
  "{n}, das es nicht zeigt",
  "{n}, die es nicht zeigen"
 ],
 "“{name}” is added.": "„{name}“ ist hinzugefügt.",
 "“{name}” is confirmed.": "„{name}“ ist bestätigt.",
 "“{name}” is removed and stays away.": "„{name}“ ist entfernt und bleibt weg."
};
