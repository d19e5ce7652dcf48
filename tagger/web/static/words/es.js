globalThis.taggerWords = {
 "(the most)": "(lo máximo)",
 "(the same as another)": "(igual que otro)",
 "A time is missing.": "Falta una hora.",
 "About {right} % of the photos that get it are right; {found} % of those that show it are found.": "Cerca del {right} % de las fotos que la reciben son correctas; se encuentra el {found} % de las que la muestran.",
 "Add": "Añadir",
 "Add a label to {n} photo": [
  "Añadir una etiqueta a {n} foto",
  "Añadir una etiqueta a {n} fotos"
 ],
 "Add label": "Añadir etiqueta",
 "All is decided: {groups}, and {photos}.": "Todo está decidido: {groups}, y {photos}.",
 "Answer {n} doubtful one": [
  "Responder {n} dudosa",
  "Responder las {n} menos seguras"
 ],
 "As a table": "Como tabla",
 "Back to “{query}”": "Volver a «{query}»",
 "Camera": "Cámara",
 "Cancel": "Cancelar",
 "Clear selection": "Borrar la selección",
 "Close": "Cerrar",
 "Confirm": "Confirmar",
 "Confirm a label of {n} photo": [
  "Confirmar una etiqueta de {n} foto",
  "Confirmar una etiqueta de {n} fotos"
 ],
 "Do these show “{label}”?": "¿Muestran estas «{label}»?",
 "Download": "Descargar",
 "Download as zip": "Descargar como ZIP",
 "Download {n} photo": [
  "Descargar {n} foto",
  "Descargar {n} fotos"
 ],
 "Everything about it, and corrections": "Todo sobre ella, y correcciones",
 "File": "Archivo",
 "Folder": "Carpeta",
 "Forget it": "Olvidarla",
 "Forget it with its examples": "Olvidarla con sus ejemplos",
 "Format": "Formato",
 "Found": "Halladas",
 "Give “{label}” to photos": "Dar «{label}» a las fotos",
 "Group {n} of {all}": "Grupo {n} de {all}",
 "How many are right, and how many are found, by how sure it must be.": "Cuántas son acertadas y cuántas se hallan, según la seguridad que se exige.",
 "I looked, they are right: switch it on": "He mirado y son correctas: activarla",
 "Information (i)": "Información (i)",
 "It cannot be learned from these yet.": "De estas aún no se puede aprender.",
 "It has learned from that; {n} photo changed.": [
  "Ha aprendido de eso; cambió {n} foto.",
  "Ha aprendido de eso; cambiaron {n} fotos."
 ],
 "It is as before.": "Está como antes.",
 "It is forgotten.": "Está olvidada.",
 "It is forgotten; {n} photo changed.": [
  "Está olvidada; cambió {n} foto.",
  "Está olvidada; cambiaron {n} fotos."
 ],
 "It is given from {share} on.": "Se da desde {share}.",
 "It is learned, and off.": "Está aprendida, y desactivada.",
 "It is not on yet: look at some of its photos first.": "Aún no está activada: mire antes algunas de sus fotos.",
 "It is off; {n} photo changed.": [
  "Está desactivada; cambió {n} foto.",
  "Está desactivada; cambiaron {n} fotos."
 ],
 "It is on; {n} photo changed.": [
  "Está activada; {n} foto cambiada.",
  "Está activada; {n} fotos cambiadas."
 ],
 "It stays where you gave it yourself.": "Se queda donde la puso usted.",
 "Keep it": "Conservarla",
 "Keep it and switch it on": "Conservarla y activarla",
 "Keep the best of {n} clear group": [
  "Conservar la mejor de {n} grupo claro",
  "Conservar la mejor de {n} grupos claros"
 ],
 "Keep {keep} of {all}": "Conservar {keep} de {all}",
 "Kept": "Se conserva",
 "Keys: y yes, n no.": "Teclas: y sí, n no.",
 "Label": "Etiqueta",
 "Labels": "Etiquetas",
 "Labels (l)": "Etiquetas (l)",
 "Learn from that": "Aprender de eso",
 "Learned from {examples}.": "Aprendida de {examples}.",
 "Learned on {time} from {examples}.": "Aprendida el {time} de {examples}.",
 "Lens": "Objetivo",
 "Less often: {labels}": "Menos a menudo: {labels}",
 "Look at the doubtful ones": "Mirar las dudosas",
 "More often: {labels}": "Más a menudo: {labels}",
 "More, and why": "Más, y por qué",
 "Next": "Siguiente",
 "No label has that in its name.": "Ninguna etiqueta tiene eso en su nombre.",
 "No photo has it from what was taught: it is off.": "Ninguna foto la tiene por lo enseñado: está desactivada.",
 "No two photos are that much alike.": "No hay dos fotos tan parecidas.",
 "None that is sure enough.": "Ninguna lo bastante segura.",
 "Not kept": "No se conserva",
 "Nothing is sure enough for a label.": "Nada es lo bastante seguro para una etiqueta.",
 "Nothing is written into photos for it.": "Para ello no se escribe nada en las fotos.",
 "Off": "Desactivada",
 "On": "Activada",
 "One moment …": "Un momento…",
 "Only the first {n} photo is selected.": [
  "Solo está seleccionada la primera foto ({n}).",
  "Solo están seleccionadas las primeras {n} fotos."
 ],
 "People and things found on it: {things}.": "Personas y cosas encontradas: {things}.",
 "Photo without labels": "Foto sin etiquetas",
 "Photo {n}": "Foto {n}",
 "Photo {n} is not {label}": "La foto {n} no es {label}",
 "Photo {n} is {label}": "La foto {n} es {label}",
 "Photos in the whole window": "Fotos en toda la ventana",
 "Picture": "Imagen",
 "Pixels": "Píxeles",
 "Place": "Lugar",
 "Please log in again.": "Inicie sesión de nuevo.",
 "Previous": "Anterior",
 "Proposed: the first one.": "Propuesta: la primera.",
 "Remove": "Quitar",
 "Remove a label from {n} photo": [
  "Quitar una etiqueta de {n} foto",
  "Quitar una etiqueta de {n} fotos"
 ],
 "Right": "Acertadas",
 "See again with the answers": "Ver de nuevo con las respuestas",
 "See what comes of it": "Ver qué resulta",
 "Select: {photo}": "Seleccionar: {photo}",
 "Selected photos": "Fotos seleccionadas",
 "Sharpness": "Nitidez",
 "Since then you said yes to {yes} and no to {no}.": "Desde entonces dijo sí a {yes} y no a {no}.",
 "Sure": "Certeza",
 "Sure from": "Seguridad desde",
 "Taken": "Tomada",
 "Taken back.": "Retirado.",
 "Teach": "Enseñar",
 "Teach a label by {n} photo": [
  "Enseñar una etiqueta con {n} foto",
  "Enseñar una etiqueta con {n} fotos"
 ],
 "The keywords of {n} photo would be written in another language.": [
  "Las palabras clave de {n} foto se escribirían en otro idioma.",
  "Las palabras clave de {n} fotos se escribirían en otro idioma."
 ],
 "The model is being loaded ({share} of its weights are here) …": "Cargando el modelo (ya está el {share} de sus pesos) …",
 "The model is being loaded …": "Cargando el modelo …",
 "The model is {share} sure; it is not shown.": "El modelo está seguro al {share}; no se muestra.",
 "The model is {share} sure; it is shown.": "El modelo está seguro al {share}; se muestra.",
 "The next page could not be loaded.": "No se ha podido cargar la página siguiente.",
 "The picture cannot be shown.": "No se puede mostrar la imagen.",
 "The rule is kept and is being applied.": "La regla está guardada y se está aplicando.",
 "The rule is kept; the service applies it now.": "La regla está guardada; el servicio la aplica ahora.",
 "The service looks at them now.": "El servicio las está mirando ahora.",
 "The service writes them now.": "El servicio las escribe ahora.",
 "The setting is kept, and in force.": "El ajuste está guardado y en vigor.",
 "They wait for tagger backfill or tagger run.": "Esperan a tagger backfill o tagger run.",
 "This was the last group.": "Este era el último grupo.",
 "Undo": "Deshacer",
 "What becomes of it": "Qué se hace con ella",
 "What the file tells: {kinds}.": "Lo que dice el archivo: {kinds}.",
 "What the model says: {classes}.": "Lo que dice el modelo: {classes}.",
 "What would change": "Qué cambiaría",
 "What you answer is learned, too: what does not show it is as important as what does.": "También se aprende de lo que responda: lo que no lo muestra importa tanto como lo que sí.",
 "Where the files are the very same, or one has clearly more pixels": "Donde los archivos son exactamente iguales, o uno tiene claramente más píxeles",
 "Which of these are not {label}?": "¿Cuáles no son {label}?",
 "Without a date": "Sin fecha",
 "Write": "Escribir",
 "Write keywords": "Escribir palabras clave",
 "Write keywords of {n} photo": [
  "Escribir las palabras clave de {n} foto",
  "Escribir las palabras clave de {n} fotos"
 ],
 "Your keywords": "Sus palabras clave",
 "Zoom": "Ampliar",
 "across: how sure it must be": "en horizontal: cuánta seguridad se exige",
 "alike by {share} at least": "parecidas en un {share} al menos",
 "comparing …": "comparando …",
 "found, of those that show it": "halladas, de las que lo muestran",
 "large": "grande",
 "medium": "mediano",
 "none": "nada",
 "proposed": "propuesta",
 "right, of those that get it": "acertadas, de las que la reciben",
 "small": "pequeño",
 "tagger does not answer. Is it running?": "tagger no responde. ¿Está en marcha?",
 "unknown": "desconocido",
 "waiting …": "esperando …",
 "{changed} of {all} photos would show other labels.": "{changed} de {all} fotos mostrarían otras etiquetas.",
 "{changed} of {compared} photos looked at would show other labels: about {about} of {all}.": "{changed} de las {compared} fotos examinadas mostrarían otras etiquetas: unas {about} de {all}.",
 "{done} of {total}": "{done} de {total}",
 "{groups} decided: {photos}.": "{groups} decididos: {photos}.",
 "{label}, how sure": "{label}, grado de certeza",
 "{n} answered": [
  "{n} respondida",
  "{n} respondidas"
 ],
 "{n} decided": "{n} decididos",
 "{n} drawn from the library": [
  "{n} sacada de la biblioteca",
  "{n} sacadas de la biblioteca"
 ],
 "{n} file is as before.": [
  "{n} archivo está como antes.",
  "{n} archivos están como antes."
 ],
 "{n} file would be written, {size}.": [
  "Se escribiría {n} archivo, {size}.",
  "Se escribirían {n} archivos, {size}."
 ],
 "{n} file written.": [
  "{n} archivo escrito.",
  "{n} archivos escritos."
 ],
 "{n} group": [
  "{n} grupo",
  "{n} grupos"
 ],
 "{n} label": [
  "{n} etiqueta",
  "{n} etiquetas"
 ],
 "{n} left": [
  "Queda {n}",
  "Quedan {n}"
 ],
 "{n} or more left": "Quedan {n} o más",
 "{n} photo": [
  "{n} foto",
  "{n} fotos"
 ],
 "{n} photo changed.": [
  "{n} foto cambiada.",
  "{n} fotos cambiadas."
 ],
 "{n} photo has it from what was taught.": [
  "{n} foto la tiene por lo enseñado.",
  "{n} fotos la tienen por lo enseñado."
 ],
 "{n} photo is as before.": [
  "{n} foto está como antes.",
  "{n} fotos están como antes."
 ],
 "{n} photo is not kept": [
  "{n} foto no se conserva",
  "{n} fotos no se conservan"
 ],
 "{n} photo is not kept, {size}": [
  "{n} foto no se conserva, {size}",
  "{n} fotos no se conservan, {size}"
 ],
 "{n} photo is not kept.": [
  "{n} foto no se conserva.",
  "{n} fotos no se conservan."
 ],
 "{n} photo of the library would get it.": [
  "{n} foto de la biblioteca la recibiría.",
  "{n} fotos de la biblioteca la recibirían."
 ],
 "{n} photo selected": [
  "{n} foto seleccionada",
  "{n} fotos seleccionadas"
 ],
 "{n} photo that shows it": [
  "{n} foto que lo muestra",
  "{n} fotos que lo muestran"
 ],
 "{n} photo would change.": [
  "Cambiaría {n} foto.",
  "Cambiarían {n} fotos."
 ],
 "{n} queued again.": [
  "{n} puesta de nuevo en cola.",
  "{n} puestas de nuevo en cola."
 ],
 "{n} that does not": [
  "{n} que no",
  "{n} que no"
 ],
 "“{name}” is added.": "«{name}» se ha añadido.",
 "“{name}” is confirmed.": "«{name}» está confirmada.",
 "“{name}” is removed and stays away.": "«{name}» se ha quitado y no volverá."
};
